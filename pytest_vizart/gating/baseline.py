"""Which runs are the baseline, and whether a run may become one (step 8 of the method)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from pytest_vizart.gating.latency import HISTORY_RUNS, LEARNING_RUNS
from pytest_vizart.records.run import RunStatus
from pytest_vizart.records.verdict import Verdict


class BaselineRow(Protocol):
    """What the selection needs to know of a run of the same test, machine and golden data."""

    @property
    def run_id(self) -> str: ...
    @property
    def started_us(self) -> int: ...
    @property
    def accepted(self) -> bool: ...
    @property
    def accepted_latency(self) -> bool: ...
    @property
    def branch(self) -> str | None: ...


R = TypeVar("R", bound=BaselineRow)


def select_baseline_runs(
    rows: Iterable[R],
    *,
    base_branches: Sequence[str],
    branch: str | None,
    kind: Literal["latency", "accuracy"] = "latency",
    count: int = HISTORY_RUNS,
) -> list[R]:
    """Return the accepted runs to compare with, newest last, at most `count`.

    Where the base branches have 5 accepted runs or more, theirs alone; else theirs and the current branch's. Without
    git (`branch` None) every accepted run counts. For accuracy one run is enough: theirs alone from the first one on.
    """
    accepted = [row for row in rows if row.accepted and (kind == "accuracy" or row.accepted_latency)]
    accepted.sort(key=lambda row: (row.started_us, row.run_id))
    if branch is not None:
        of_base = [row for row in accepted if row.branch in base_branches]
        enough = 1 if kind == "accuracy" else LEARNING_RUNS
        near = [row for row in accepted if row.branch in base_branches or row.branch == branch]
        accepted = of_base if len(of_base) >= enough else near
    return accepted[-count:]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whether a run may be a baseline: of accuracy, and of latency (never without the first), and why not."""

    accepted: bool
    because: str | None = None
    accepted_latency: bool = False
    latency_because: str | None = None


def acceptance(
    verdicts: Iterable[Verdict],
    *,
    status: RunStatus,
    partial: bool,
    dirty: bool | None,
    in_ci: bool,
    contended: bool = False,
) -> Acceptance:
    """Return whether a run may enter the baseline.

    Latency is accepted by itself: a suspect stage says nothing against the run's accuracy. Inconclusive stages do not
    block the run: what disturbs wall time is looked up again in every baseline run before it is used. Neither do
    provisional ones: with so few runs false suspicions are common, and leaving out the slower runs of the first ten
    would make a baseline that is too fast.
    """
    judged = list(verdicts)
    because = _refusal(judged, status=status, partial=partial, dirty=dirty, in_ci=in_ci)
    if because is not None:
        return Acceptance(False, because, False, because)
    if contended:
        return Acceptance(True, None, False, "measured beside other workers")
    for verdict in judged:
        if verdict.kind == "latency" and verdict.status == "suspect":
            return Acceptance(True, None, False, f"latency of {verdict.stage} is {verdict.status}")
    return Acceptance(True, None, True, None)


def _refusal(
    verdicts: Sequence[Verdict], *, status: RunStatus, partial: bool, dirty: bool | None, in_ci: bool
) -> str | None:
    failed = [verdict for verdict in verdicts if verdict.status == "fail"]
    if failed:
        return f"{failed[0].kind} of {failed[0].stage} failed"
    if status != "passed":
        return "the test did not pass"
    if partial:
        return "only a part of the golden data was used"
    unclear = [verdict for verdict in verdicts if verdict.kind == "accuracy" and verdict.status == "inconclusive"]
    if unclear:
        return f"accuracy of {unclear[0].stage} could not be compared"
    worse = [verdict for verdict in verdicts if verdict.kind == "accuracy" and verdict.status == "suspect"]
    if worse:
        return f"accuracy of {worse[0].stage} is suspect: many samples are newly wrong"
    if in_ci and dirty:
        return "tracked files were changed, in CI"
    return None
