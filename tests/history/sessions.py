"""Sessions with few rows in few tables, quickly made and compared."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from pytest_vizart.history.names import parse_name
from pytest_vizart.history.reader import History
from pytest_vizart.history.rows import as_table
from pytest_vizart.history.schema import TABLES
from pytest_vizart.history.writer import write_tables
from pytest_vizart.storage.store import Store
from tests.history.builders import START_US
from tests.history.memory_store import MemoryStore

ROWS_OF = {"runs": 1, "stages": 2, "spans": 3, "accuracy": 1}


def rows(table: str, values: list[dict[str, Any]]) -> pa.Table:
    """Return rows of a table; what is not given is null."""
    return as_table(table, {name: [row.get(name) for row in values] for name in TABLES[table].names})


def session_rows(session_id: str, run_ids: list[str], started_us: int) -> dict[str, pa.Table]:
    """Return a session whose runs have, beside their own row, two stages, three spans and one figure each."""
    about = [
        {"run_id": run_id, "session_id": session_id, "test_id": f"test_{number % 3}", "fingerprint": "f",
         "accepted": True, "accepted_latency": True, "started_at": started_us + number * 1_000_000, "branch": "main"}
        for number, run_id in enumerate(run_ids)
    ]  # fmt: skip
    return {
        "runs": rows("runs", about),
        **{
            table: rows(table, [
                {**row, "stage": f"stage_{each}", "span_id": each, "wall_ns": each, "wall_median_ns": each}
                for row in about for each in range(ROWS_OF[table])
            ])
            for table in ROWS_OF if table != "runs"
        },
    }  # fmt: skip


def keep_session(store: Store, session_id: str, run_ids: list[str], *, second: int = 0) -> None:
    """Keep a session that started so many seconds after the first one."""
    started_us = START_US + second * 1_000_000
    tables = session_rows(session_id, run_ids, started_us)
    write_tables(store, tables, session_id=session_id, started_us=started_us)


def shown(history: History) -> dict[str, Counter[str]]:
    """Return for each table how many rows of which run are shown."""
    return {table: Counter(getattr(history, table)()["run_id"].to_pylist()) for table in ROWS_OF}


def expected(run_ids: set[str]) -> dict[str, Counter[str]]:
    """Return what `shown` gives where there are exactly these runs."""
    return {table: Counter(dict.fromkeys(run_ids, count)) for table, count in ROWS_OF.items()}


def touched(store: MemoryStore, table: str) -> set[str]:
    """Return the sessions whose files of a table were opened."""
    return {parse_name(name.rpartition("/")[2]).session or "?" for name in store.opened if f"/{table}/" in name}
