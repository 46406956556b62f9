"""What there is to clean up in an output, cleaning it, and what is left."""

from __future__ import annotations

from pathlib import Path

from pytest_vizart.history.reader import History
from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.workflow.cleaning import carry_out, plan
from pytest_vizart.workflow.cleaning.records import CleaningPlan, Part
from tests.workflow.outputs import NOW_US

MONTH = Keep(age_s=30 * 86_400)
DAYS = (2, 10, 35, 40, 50)
POOLED, LONELY = (f"artifacts/{shard}/{shard}{'0' * 38}.png" for shard in ("ab", "cd"))


def history(keep: Keep) -> Retention:
    return Retention(history=keep)


def kept(output: Path) -> list[str]:
    return History(output).runs()["run_id"].to_pylist()


def names(part: Part) -> list[str]:
    return [each.name for each in part.going]


def clean(output: Path, retention: Retention, now_us: int = NOW_US) -> CleaningPlan:
    planned = plan(output, retention, now_us)
    done = carry_out(planned)
    assert done.finished
    assert done.problems == ()
    return planned
