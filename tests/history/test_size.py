"""What a history takes on disk, beside the same rows as JSON."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import orjson

from pytest_vizart.history.compaction import compact
from pytest_vizart.history.reader import History
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.writer import write_tables
from pytest_vizart.records.run import RunResult
from pytest_vizart.storage.opening import open_store
from tests.history.builders import START_US, a_run, a_session, spans_of

STAGES = ("decode", "resize", "normalise", "detect", "refine", "track", "describe", "encode")
TABLES = ("runs", "spans")


def noisy_run(number: int, random_: random.Random) -> RunResult:
    """A run whose times scatter as real ones do, so that nothing is small because everything is equal."""
    samples = tuple(f"images/{index:04d}" for index in range(10))
    run = a_run(f"{random_.getrandbits(128):032x}", f"s{number}", started_us=START_US + number * 3_600_000_000)
    spans = spans_of(dict.fromkeys(STAGES, 0), samples)
    for row in range(len(spans)):
        wall_ns = int(2e6 * random_.lognormvariate(0, 0.3))
        spans.wall_ns[row] = spans.self_ns[row] = wall_ns
        spans.cpu_ns[row] = wall_ns - random_.randrange(50_000)
        spans.process_cpu_ns[row] = wall_ns + random_.randrange(50_000)
        spans.rss_before[row] = 500_000_000 + 4096 * random_.randrange(2_000)
        spans.rss_after[row] = spans.rss_before[row] + 4096 * random_.randrange(20)
    return replace(run, spans=spans)


def test_sc_008_a_history_is_at_least_70_percent_smaller_than_the_same_rows_as_json(tmp_path: Path) -> None:
    random_ = random.Random(8)
    for number in range(40):
        session = a_session(f"s{number}")
        tables = session_tables(session, [noisy_run(number, random_)])
        write_tables(tmp_path, tables, session_id=session.session_id, started_us=START_US + number)
    compact(open_store(tmp_path), everything=True)
    history = History(tmp_path)
    as_json = 0
    for name in TABLES:
        table = getattr(history, name)()
        assert table.num_rows >= 40
        as_json += sum(len(orjson.dumps(row, default=str)) + 1 for row in table.to_pylist())
    on_disk = sum(path.stat().st_size for path in (tmp_path / "metrics").rglob("*.parquet"))
    assert on_disk < 0.3 * as_json
