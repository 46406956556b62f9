"""What there is to clean up in an output, cleaning it, and what is left."""

from __future__ import annotations

from pathlib import Path

from pytest_vizart.history.reader import History
from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.workflow.cleaning import carry_out, plan
from pytest_vizart.workflow.cleaning.records import CleaningPlan, Part
from tests.workflow.outputs import NOW_US, age

MONTH = Keep(age_s=30 * 86_400)
DAYS = (2, 10, 35, 40, 50)
POOLED, LONELY = (f"artifacts/{shard}/{shard}{'0' * 38}.png" for shard in ("ab", "cd"))


def history(keep: Keep) -> Retention:
    return Retention(history=keep)


def kept(output: Path) -> list[str]:
    return History(output).runs()["run_id"].to_pylist()


def names(part: Part) -> list[str]:
    return [each.name for each in part.going]


def describe(output: Path, run_id: str, days_ago: float = 100) -> None:
    """Write a run's `run.json`, of 10 bytes."""
    path = output / "runs" / run_id / "run.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'{"a": "b"}')
    for each in (path, path.parent):
        age(each, days_ago)


def clean(output: Path, retention: Retention, now_us: int = NOW_US) -> CleaningPlan:
    planned = plan(output, retention, now_us)
    done = carry_out(planned)
    assert done.finished
    assert done.problems == ()
    return planned
