"""`kill -9` at any moment of a compaction and of a clean-up: no row is lost, and none is there twice."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import pytest

from pytest_vizart import History
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.writer import write_decision, write_tables
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.records.run import RunResult
from tests.faults.checks import TABLES
from tests.faults.forking import Ended, Forking
from tests.history.builders import START_US, a_profile, a_run, a_session

SESSIONS = 12
KEPT = 5
DAY_US = 86_400_000_000

Rows = dict[str, list[bytes]]


def rows_of(output: Path) -> Rows:
    """All rows of a history, in an order of their own."""
    history = History(output)
    return {
        name: sorted(orjson.dumps(row, default=str) for row in getattr(history, name)().to_pylist())
        for name in ("runs", *TABLES)
    }


def whole_run(run_id: str, session_id: str, started_us: int) -> RunResult:
    """A run with rows in every table."""
    run = a_run(run_id, session_id, started_us=started_us, accepted=False)
    return replace(run, profile=a_profile(), stages=stage_stats(run.spans))


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of twelve sessions with two runs each, one a day, a part of it compacted."""
    output = tmp_path_factory.mktemp("kept") / ".vizart"
    for number in range(SESSIONS):
        started_us = START_US + number * DAY_US
        session = a_session(f"s{number}", started_us=started_us)
        runs = [whole_run(f"{number}-{each}", f"s{number}", started_us + each) for each in range(2)]
        write_tables(output, session_tables(session, runs), session_id=session.session_id, started_us=started_us)
        if number == 5:
            from tests.faults.jobs import compact_all

            compact_all(output)
    write_decision(output, "0-0", pinned=True, decided_us=START_US)
    return output


@dataclass(frozen=True, slots=True)
class Upkeep:
    """A job on a history, and what must hold after a kill and when the next one has finished it."""

    job: str
    options: dict[str, int]
    check_killed: Callable[[Path], None]
    check_finished: Callable[[Path], None]

    def killed_and_finished(self, forking: Forking, kept: Path, place: Path, **moment: float) -> Ended:
        output = shutil.copytree(kept, place / ".vizart")
        killed = forking.run(self.job, output, **moment, **self.options)
        assert killed.killed or killed.status == 0, killed.output
        self.check_killed(output)
        following = forking.run(self.job, output, **self.options)
        assert following.status == 0, following.output
        self.check_finished(output)
        shutil.rmtree(place)
        return killed

    def at_each_moment(self, forking: Forking, kept: Path, tmp_path: Path, *, long_form: bool) -> None:
        whole = self.killed_and_finished(forking, kept, tmp_path / "whole")
        steps = len(whole.steps)
        for step in range(1, steps + 1) if long_form else range(2, steps + 1, steps // 8):
            assert self.killed_and_finished(forking, kept, tmp_path / str(step), kill_at=step).killed
        chance = random.Random(3)
        for number in range(200 if long_form else 2):
            moment = chance.uniform(0, whole.took_s)
            self.killed_and_finished(forking, kept, tmp_path / f"at random {number}", kill_after_s=moment)


def test_a_compaction(forking: Forking, kept: Path, tmp_path: Path, long_form: bool) -> None:
    before = rows_of(kept)

    def as_before(output: Path) -> None:
        assert rows_of(output) == before

    Upkeep("compact_all", {}, as_before, as_before).at_each_moment(forking, kept, tmp_path, long_form=long_form)


def test_a_clean_up(forking: Forking, kept: Path, tmp_path: Path, long_form: bool) -> None:
    cleaned = shutil.copytree(kept, tmp_path / "cleaned" / ".vizart")
    assert forking.run("clean", cleaned, keep_runs=KEPT).answer == 2 * SESSIONS - KEPT - 1  # the pinned one stays, too
    before, after = rows_of(kept), rows_of(cleaned)

    def nothing_else_went(output: Path) -> None:
        for name, rows in rows_of(output).items():
            assert len(rows) == len(set(rows)), name
            assert set(after[name]) <= set(rows) <= set(before[name]), name

    def cleaned_up(output: Path) -> None:
        assert rows_of(output) == after

    upkeep = Upkeep("clean", {"keep_runs": KEPT}, nothing_else_went, cleaned_up)
    upkeep.at_each_moment(forking, kept, tmp_path, long_form=long_form)
