from __future__ import annotations

from dataclasses import dataclass

import pytest

from pytest_vizart.gating.baseline import Acceptance, acceptance, select_baseline_runs
from pytest_vizart.records.verdict import Verdict


@dataclass(frozen=True)
class Row:
    run_id: str
    started_us: int
    branch: str | None = "main"
    accepted: bool = True
    accepted_latency: bool = True


def rows(branch, count, start=0):
    return [Row(f"{branch}-{number}", start + number, branch) for number in range(count)]


def ids(chosen):
    return [row.run_id for row in chosen]


def test_the_last_ten_accepted_runs_newest_last():
    unordered = list(reversed(rows("main", 15)))
    chosen = select_baseline_runs(unordered, base_branches=["main"], branch="topic")
    assert ids(chosen) == [f"main-{number}" for number in range(5, 15)]


def test_five_runs_of_the_base_branch_are_enough_to_leave_the_topic_branch_out():
    both = rows("main", 5) + rows("topic", 5, start=10)
    assert {row.branch for row in select_baseline_runs(both, base_branches=["main"], branch="topic")} == {"main"}


def test_fewer_are_filled_up_with_the_current_branch_only():
    runs = rows("main", 4) + rows("topic", 3, start=10) + rows("other", 9, start=20)
    chosen = select_baseline_runs(runs, base_branches=["main", "master"], branch="topic")
    assert ids(chosen) == ids(rows("main", 4) + rows("topic", 3))


def test_without_git_every_accepted_run_counts():
    runs = [Row("a", 1, None), Row("b", 2, "topic"), Row("c", 3, None, accepted=False)]
    assert ids(select_baseline_runs(runs, base_branches=["main"], branch=None)) == ["a", "b"]


def test_a_run_accepted_for_accuracy_alone_is_no_latency_baseline():
    runs = [Row("a", 1), Row("b", 2, accepted_latency=False)]
    assert ids(select_baseline_runs(runs, base_branches=["main"], branch="main")) == ["a"]
    assert ids(select_baseline_runs(runs, base_branches=["main"], branch="main", kind="accuracy")) == ["a", "b"]


def test_one_run_of_the_base_branch_is_an_accuracy_baseline():
    runs = [Row("a", 1), Row("b", 2, "topic")]
    chosen = select_baseline_runs(runs, base_branches=["main"], branch="topic", kind="accuracy", count=1)
    assert ids(chosen) == ["a"]


def verdict(kind, status):
    return Verdict("t", "detect", kind, "m", status, "...")


def accept(*verdicts, status="passed", partial=False, dirty=False, in_ci=False, contended=False):
    return acceptance(verdicts, status=status, partial=partial, dirty=dirty, in_ci=in_ci, contended=contended)


@pytest.mark.parametrize("status", ["pass", "learning", "no-baseline"])
def test_what_is_not_worse_is_accepted(status):
    assert accept(verdict("latency", status), verdict("accuracy", status)) == Acceptance(True, None, True, None)


def test_suspected_times_are_no_latency_baseline_but_the_accuracy_stands():
    assert accept(verdict("latency", "suspect")) == Acceptance(True, None, False, "latency of detect is suspect")


def test_a_provisional_suspicion_rests_on_too_few_runs_to_bar_one():
    assert accept(verdict("latency", "provisional")) == Acceptance(True, None, True, None)


def test_a_run_whose_accuracy_could_not_be_compared_is_no_baseline():
    because = "accuracy of detect could not be compared"
    assert accept(verdict("accuracy", "inconclusive")) == Acceptance(False, because, False, because)
    assert accept(verdict("latency", "inconclusive")).accepted_latency


def test_a_contended_run_is_no_latency_baseline():
    assert accept(contended=True) == Acceptance(True, None, False, "measured beside other workers")


@pytest.mark.parametrize(
    "run, because",
    [
        ({"status": "failed"}, "the test did not pass"),
        ({"status": "error"}, "the test did not pass"),
        ({"partial": True}, "only a part of the golden data was used"),
        ({"dirty": True, "in_ci": True}, "tracked files were changed, in CI"),
    ],
)
def test_runs_that_are_no_baseline_at_all(run, because):
    assert accept(**run) == Acceptance(False, because, False, because)


@pytest.mark.parametrize("kind", ["accuracy", "latency", "memory"])
def test_a_failed_verdict_bars_the_run_even_where_the_gate_only_warned(kind):
    assert accept(verdict(kind, "fail")).because == f"{kind} of detect failed"


@pytest.mark.parametrize("run", [{"dirty": True}, {"dirty": None, "in_ci": True}, {"in_ci": True}])
def test_changed_files_matter_in_ci_alone(run):
    assert accept(**run).accepted
