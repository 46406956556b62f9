"""SQLite and DuckDB.

SQLite has its sessions, runs, stages and spans in tables of their own, joined by whole numbers and indexed for the
questions. DuckDB has the columns of our own tables in one file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from history_data import KeptSession
from history_keeper import OF_RUN, OF_SESSION, OF_SPAN, OF_STAGE, Keeper, Medians, Percentiles, medians_of, of_stages


class Sqlite(Keeper):
    """One file, three joined tables and what a session has in common in a fourth."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = sqlite3.connect(folder / "history.sqlite")
        self._database.executescript(_SQLITE)

    def prepared(self, session: KeptSession) -> Any:
        runs = session.rows["runs"]
        numbers = {row["run_id"]: number for number, row in enumerate(runs)}
        return (
            [runs[0][name] for name in OF_SESSION],
            [[row[name] for name in OF_RUN] for row in runs],
            [
                [(numbers[row["run_id"]], *(row[name] for name in columns)) for row in session.rows[table]]
                for table, columns in (("stages", OF_STAGE), ("spans", OF_SPAN))
                if table in session.tables
            ],
        )

    def keep(self, prepared: Any) -> None:
        of_session, runs, of_runs = prepared
        with self._database as database:
            number = database.execute(_insert("sessions", OF_SESSION), of_session).lastrowid
            first = database.execute("select coalesce(max(id), 0) + 1 from runs").fetchone()[0]
            rows = [(first + at, number, *row) for at, row in enumerate(runs)]
            database.executemany(_insert("runs", ("id", "session", *OF_RUN)), rows)
            for (table, columns), each in zip((("stages", OF_STAGE), ("spans", OF_SPAN)), of_runs, strict=False):
                database.executemany(_insert(table, ("run", *columns)), ((first + at, *rest) for at, *rest in each))

    def sync(self, on: bool) -> bool:
        self._database.execute(f"pragma synchronous={'full' if on else 'off'}")
        return True

    def close(self) -> None:
        self._database.close()

    def one_run(self, run_id: str) -> tuple[str, int, int]:
        ask = self._database.execute
        sql = "select test_id, runs.id, * from runs join sessions on sessions.id = session where run_id = ?"
        test_id, number, *_ = ask(sql, [run_id]).fetchone()
        stages = ask("select * from stages where run = ?", [number]).fetchall()
        return test_id, len(stages), len(ask("select * from spans where run = ?", [number]).fetchall())

    def stages_of(self, run_id: str) -> Medians:
        sql = "select * from stages where run = (select id from runs where run_id = ?)"
        cursor = self._database.execute(sql, [run_id])
        names = [column[0] for column in cursor.description]
        stage, median = names.index("stage"), names.index("wall_median_ns")
        return {row[stage]: row[median] for row in cursor}

    def percentiles(self) -> Percentiles:
        return of_stages(self._database.execute("select stage, wall_median_ns from stages"))

    def last_accepted(self, test_id: str, fingerprint: str, branch: str) -> list[str]:
        sql = """select run_id from runs join sessions on sessions.id = session where test_id = ? and fingerprint = ?
                 and branch = ? and accepted_latency order by started_at desc limit 10"""
        return [run_id for (run_id,) in self._database.execute(sql, [test_id, fingerprint, branch])][::-1]

    def trend(self, test_id: str) -> tuple[int, int]:
        sql = """select started_at, stage, wall_median_ns from runs join stages on run = runs.id where test_id = ?
                 order by started_at"""
        rows = self._database.execute(sql, [test_id]).fetchall()
        return len(rows), sum(row[2] for row in rows)


_SQLITE = f"""
pragma journal_mode=wal;
create table if not exists sessions (id integer primary key, {", ".join(f'"{name}"' for name in OF_SESSION)});
create table if not exists runs (id integer primary key, session integer, {", ".join(f'"{name}"' for name in OF_RUN)});
create unique index if not exists runs_by_id on runs (run_id);
create index if not exists runs_of_test on runs (test_id, started_at);
create table if not exists stages (run integer, {", ".join(f'"{name}"' for name in OF_STAGE)}, primary key (run, stage))
  without rowid;
create table if not exists spans (run integer, {", ".join(f'"{name}"' for name in OF_SPAN)}, primary key (run, span_id))
  without rowid;
"""


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"insert into {table} ({_list(columns)}) values ({', '.join('?' * len(columns))})"


def _list(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


class DuckDb(Keeper):
    """One file with the tables as they are."""

    name = "DuckDB"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = import_module("duckdb").connect(str(folder / "history.duckdb"))

    def prepared(self, session: KeptSession) -> Any:
        return {name: table.cast(_without_dictionaries(table.schema)) for name, table in session.tables.items()}

    def keep(self, prepared: Any) -> None:
        ask = self._database.execute
        ask("begin")
        for name, table in prepared.items():
            self._database.register("kept", table)
            ask(f"create table if not exists {name} as from kept limit 0")
            ask(f"insert into {name} from kept")
            self._database.unregister("kept")
        ask("commit")

    def keep_all(self, prepared: Sequence[Any]) -> None:
        self.keep({name: pa.concat_tables([each[name] for each in prepared]) for name in prepared[0]})

    def sync(self, on: bool) -> bool:
        return on  # it has no switch for that

    def close(self) -> None:
        self._database.close()

    def one_run(self, run_id: str) -> tuple[str, int, int]:
        tables = [name for (name,) in self._database.execute("show tables").fetchall()]
        found = {
            name: self._database.sql(f"select * from {name} where run_id = ?", params=[run_id]).to_arrow_table()
            for name in tables
        }
        spans = found["spans"].num_rows if "spans" in found else 0
        return found["runs"]["test_id"][0].as_py(), found["stages"].num_rows, spans

    def stages_of(self, run_id: str) -> Medians:
        found = self._database.sql("select * from stages where run_id = ?", params=[run_id])
        return medians_of(found.to_arrow_table())

    def percentiles(self) -> Percentiles:
        sql = "select stage, quantile_cont(wall_median_ns, [0.5, 0.95, 0.99]) from stages group by stage"
        return dict(self._database.execute(sql).fetchall())

    def last_accepted(self, test_id: str, fingerprint: str, branch: str) -> list[str]:
        sql = """select run_id from runs where test_id = ? and fingerprint = ? and branch = ? and accepted_latency
                 order by started_at desc limit 10"""
        found = self._database.execute(sql, [test_id, fingerprint, branch]).fetchall()
        return [run_id for (run_id,) in found][::-1]

    def trend(self, test_id: str) -> tuple[int, int]:
        sql = """select started_at, stage, wall_median_ns from runs join stages using (run_id) where runs.test_id = ?
                 order by started_at"""
        medians = self._database.sql(sql, params=[test_id]).to_arrow_table()["wall_median_ns"]
        return len(medians), pc.sum(medians).as_py()


def _without_dictionaries(schema: pa.Schema) -> pa.Schema:
    return pa.schema(
        [pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in schema]
    )
