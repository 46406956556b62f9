"""How a session or run stands: what was checked, what failed, and what nothing could be said of.

Terminal and HTML report speak the same sentences; they are made here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.verdict import Verdict, VerdictStatus
from pytest_vizart.report.wording import plural

Tone = Literal["fail", "warn", "pass", "info"]

TONE_OF_STATUS: dict[VerdictStatus, Tone] = {
    "fail": "fail",
    "suspect": "warn",
    "inconclusive": "warn",
    "provisional": "warn",
    "learning": "info",
    "no-baseline": "info",
    "pass": "pass",
}
"""How loud each verdict is, loudest first; the order is the one in which verdicts are shown."""

_NO_STAGES = ("(pipeline)", "(all)")  # verdicts on all stages together
_DECISIVE = ("pass", "fail", "suspect", "provisional")


@dataclass(frozen=True, slots=True)
class Standing:
    """Counts over some runs.

    Stages are counted once per test; one stage may be checked for accuracy and still be learning its latency.
    """

    runs: int
    runs_failed: int  # their test failed or raised, for whatever reason
    statuses: Counter[str]  # verdict status -> verdicts
    stages_checked: int
    stages_without_baseline: int
    stages_learning: int
    stages_unchecked: int  # no verdict at all
    learning_progress: str  # "2 of 5 runs", "" when nothing is learning

    @property
    def judged(self) -> int:
        """Verdicts that say something: pass, fail, suspect, provisional."""
        return sum(self.statuses[status] for status in _DECISIVE)

    @property
    def tone(self) -> Tone:
        if self.statuses["fail"] or self.runs_failed:
            return "fail"
        if self.statuses["suspect"] or self.statuses["inconclusive"] or self.statuses["provisional"]:
            return "warn"
        return "pass" if self.judged else "info"


def standing(runs: Sequence[RunResult]) -> Standing:
    """Count what was checked in these runs."""
    stages: dict[tuple[str, str], set[str]] = {}
    statuses: Counter[str] = Counter()
    progress: set[str] = set()
    for run in runs:
        for name in (*(stats.name for stats in run.stages), *(score.stage for score in run.scores)):
            stages.setdefault((run.info.test_id, name), set())
        for verdict in run.verdicts:
            if verdict.stage in _NO_STAGES:
                statuses[verdict.status] += 1
                continue
            stages.setdefault((run.info.test_id, verdict.stage), set()).add(verdict.status)
            statuses[verdict.status] += 1
            if verdict.status == "learning":
                progress.add(_progress(verdict))
    return Standing(
        runs=len(runs),
        runs_failed=sum(run.info.status != "passed" for run in runs),
        statuses=statuses,
        stages_checked=sum(any(status in _DECISIVE for status in found) for found in stages.values()),
        stages_without_baseline=sum("no-baseline" in found for found in stages.values()),
        stages_learning=sum("learning" in found for found in stages.values()),
        stages_unchecked=sum(not found for found in stages.values()),
        learning_progress=min(progress, default=""),
    )


def headline(result: SessionResult, now: Standing) -> str:
    """The one sentence on top of every report."""
    if not now.runs:
        return "Nothing was measured"
    failed = now.statuses["fail"]
    if failed:
        return f"{failed:,} of {plural(now.judged, 'check')} failed"
    if now.runs_failed:
        kind = "raised an error" if any(run.info.status == "error" for run in result.runs) else "failed"
        return f"{plural(now.runs_failed, 'test')} {kind}"
    if now.statuses["suspect"]:
        return f"No check failed, {now.statuses['suspect']:,} of {now.judged:,} suspect"
    if not now.judged:
        return "Nothing could be judged yet"
    passed = now.statuses["pass"]
    if passed == now.judged:
        return f"All {plural(passed, 'check')} passed" if passed > 1 else "The only check passed"
    return f"{passed:,} of {plural(now.judged, 'check')} passed, {now.judged - passed:,} provisional"


def coverage(now: Standing) -> str:
    """`4 stages checked, 1 without baseline, 2 learning (2 of 5 runs)`: a gate must not pass in silence."""
    parts = [f"{plural(now.stages_checked, 'stage')} checked"]
    if now.stages_without_baseline:
        parts.append(f"{now.stages_without_baseline:,} without baseline")
    if now.stages_learning:
        parts.append(f"{now.stages_learning:,} learning ({now.learning_progress})")
    if now.statuses["inconclusive"]:
        parts.append(plural(now.statuses["inconclusive"], "check") + " inconclusive")
    if now.stages_unchecked:
        parts.append(f"{now.stages_unchecked:,} not checked")
    return ", ".join(parts)


def run_tone(run: RunResult) -> Tone:
    """How loud one run is."""
    return standing([run]).tone


def loudest_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Failures first, passes last; verdicts of one status keep their order."""
    order = list(TONE_OF_STATUS)
    return sorted(verdicts, key=lambda verdict: order.index(verdict.status))


def _progress(verdict: Verdict) -> str:
    runs, needed = verdict.baseline.get("runs"), verdict.baseline.get("needed")
    if not isinstance(runs, int):
        return "no run kept yet"
    return f"{runs} of {needed} runs" if isinstance(needed, int) else f"{plural(runs, 'run')} so far"
