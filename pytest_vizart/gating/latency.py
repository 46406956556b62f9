"""Latency: each stage against the accepted history of its test (steps 1-3, 5, 6 and 8 of the method).

Left out so far: confirmation of suspects, and the series by input size and by tag. A slowdown of fewer than half of a
stage's samples is therefore not seen here; budgets (p95_ms, p99_ms) see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pytest_vizart.gating.budgets import judge_budgets
from pytest_vizart.gating.clocks import choose_clock, kind_untold, undisturbed
from pytest_vizart.gating.effect import (
    MIN_SAMPLES,
    MIN_STAGES_FOR_COMMON_MODE,
    Clock,
    Comparison,
    Effects,
    best_by_sample,
    median_of,
    spread,
)
from pytest_vizart.gating.limits import PIPELINE, LatencyLimit, did_not_run, pick, unknown_stages
from pytest_vizart.gating.times import OUTSIDE_SAMPLES, FloatArray, RunTimes
from pytest_vizart.gating.wording import counted, interval_text, relative
from pytest_vizart.records.verdict import Verdict, VerdictStatus

HISTORY_RUNS = 10
LEARNING_RUNS = 5  # with fewer nothing is judged
MIN_EFFECT = 0.02
MIN_STAGE_NS = 5_000.0  # below it the probes around the stage are timed, not the stage
_NS_PER_MS = 1e6
_CLOCK_WORDS: dict[Clock, str] = {"cpu": "CPU", "wall": "wall"}


def judge_latency(
    test_id: str,
    candidate: RunTimes,
    history: Sequence[RunTimes],
    limits: Sequence[LatencyLimit] = (),
    *,
    branch: str | None = None,
    contended: bool = False,
) -> list[Verdict]:
    """Return the latency verdicts of one run.

    One for each stage (metric "cpu" or "wall"), one for the whole pipeline where three stages or more are judged (stage
    "(pipeline)"), one for each budget, and one for each stage of the newest baseline run that is gone ("presence").

    Args:
        candidate: the run to be judged.
        history: runs whose latency was accepted, newest last; the last 10 count.
        limits: of the markers, the closest marker first.
        branch: whose runs the history is, for the messages.
        contended: the run shared the machine with other workers: its times are not judged.
    """
    case = _Case(test_id, candidate, tuple(history[-HISTORY_RUNS:]), tuple(limits), branch, contended)
    top = [name for name in candidate.stages if candidate.parents.get(name) is None]
    known = [*candidate.stages, *([PIPELINE] if len(top) >= MIN_STAGES_FOR_COMMON_MODE else [])]
    verdicts = [
        Verdict(test_id, stage, "latency", "presence", "fail", did_not_run(stage, candidate.stages, "stages that ran"))
        for stage in unknown_stages(limits, known)
    ]
    verdicts += judge_budgets(test_id, candidate, limits, contended=contended)
    views = [_view(case, stage) for stage in candidate.stages]
    verdicts += [_judge_stage(case, view) if isinstance(view, _View) else view for view in views]
    verdicts += _judge_pipeline(case, [view for view in views if isinstance(view, _View) and view.stage in top])
    return verdicts + _gone(case)


@dataclass(frozen=True, slots=True)
class _Case:
    """What is judged, with what, against what."""

    test_id: str
    candidate: RunTimes
    history: tuple[RunTimes, ...]
    limits: tuple[LatencyLimit, ...]
    branch: str | None
    contended: bool
    comparisons: dict[tuple[str, ...], Comparison] = field(default_factory=dict)

    def comparison(self, runs: Sequence[RunTimes], clock: Clock) -> Comparison:
        key = (clock, *(run.run_id for run in runs))
        if key not in self.comparisons:
            self.comparisons[key] = Comparison(self.candidate, runs, clock)
        return self.comparisons[key]

    def limit_of(self, stage: str) -> float:
        """The smallest relative slowdown that matters: 2 %, or the user's own limit if that is larger."""
        return max(MIN_EFFECT, pick(self.limits, stage, lambda limit: limit.max_slowdown) or 0.0)

    def runs_text(self, count: int) -> str:
        return f"{counted(count, 'baseline run')}{f' of {self.branch}' if self.branch else ''}"

    def undecided(self, stage: str, metric: str, status: VerdictStatus, message: str) -> Verdict:
        return Verdict(self.test_id, stage, "latency", metric, status, message)

    def learning(self, stage: str, metric: str, usable: int, what: str) -> Verdict:
        message = f"{stage} learning: {usable} of {self.runs_text(LEARNING_RUNS)} needed{what}"
        verdict = self.undecided(stage, metric, "learning", message)
        return replace(verdict, baseline={"runs": usable, "needed": LEARNING_RUNS, "branch": self.branch})


@dataclass(frozen=True, slots=True)
class _View:
    """One stage that can be judged: its clock and the runs that it is compared with."""

    stage: str
    clock: Clock
    comparison: Comparison
    effects: Effects

    @property
    def history(self) -> tuple[RunTimes, ...]:
        return self.comparison.runs[:-1]


def _view(case: _Case, stage: str) -> _View | Verdict:
    """Return the view of a stage, or the verdict that says why it cannot be judged."""
    having = [run for run in case.history if stage in run.stages]
    clock = choose_clock(stage, case.candidate, having)
    if case.contended:
        return case.undecided(stage, clock, "inconclusive", f"{stage} not judged: measured beside other workers")
    if case.candidate.samples and _only_outside_samples(case.candidate, stage):
        message = f"{stage} ran outside of the samples: its time is recorded, not compared"
        return case.undecided(stage, clock, "no-baseline", message)
    if not case.history:
        return case.undecided(stage, clock, "no-baseline", f"{stage}: no baseline run yet")
    if not having:
        return case.undecided(
            stage, clock, "no-baseline", f"{stage} is new: none of {case.runs_text(len(case.history))} has it"
        )
    own = best_by_sample(case.candidate, stage, clock, case.candidate.passes)
    reason = _unmeasurable(own)
    if reason is not None:
        return case.undecided(stage, clock, "inconclusive", f"{stage} not judged: {reason}")
    paired = [run for run in having if _shares_samples(own, run, stage, clock)]
    if not paired:
        message = f"{stage} not judged: too few of its {counted(len(own), 'sample')} are in the baseline runs"
        return case.undecided(stage, clock, "inconclusive", message)
    return _learned_view(case, stage, clock, paired)


def _learned_view(case: _Case, stage: str, clock: Clock, paired: Sequence[RunTimes]) -> _View | Verdict:
    usable = paired
    if clock == "wall" and len(paired) >= LEARNING_RUNS:
        reason = undisturbed(case.candidate)
        if kind_untold(stage, case.candidate, paired):
            reason = "it now waits, or was interrupted, otherwise than before; context switches are not known here"
        if reason is not None:
            return case.undecided(stage, clock, "inconclusive", f"{stage} not judged on wall time: {reason}")
        usable = [run for run in paired if undisturbed(run) is None]
    if len(usable) < LEARNING_RUNS:
        what = "" if len(usable) == len(paired) else " with undisturbed wall time"
        return case.learning(stage, clock, len(usable), what)
    comparison = case.comparison(usable, clock)
    effects = comparison.less_common_mode(stage)
    if effects is None:
        message = f"{stage} not judged: fewer than {MIN_SAMPLES} samples are in this run and in all baseline runs"
        return case.undecided(stage, clock, "inconclusive", message)
    return _View(stage, clock, comparison, effects)


def _judge_stage(case: _Case, view: _View) -> Verdict:
    known = (view.comparison.less_common_mode(name) for name in case.candidate.stages)
    stages = [each.left_out for each in known if each is not None]
    passes = min(run.passes for run in view.comparison.runs)
    values_ns = [_typical_ns(run, view.stage, view.clock, passes) for run in view.comparison.runs]
    return _verdict(
        case, view.stage, view.clock, view.effects, stages, view.history,
        value_ms=values_ns[-1] / _NS_PER_MS, baseline_ms=float(np.median(values_ns[:-1])) / _NS_PER_MS,
    )  # fmt: skip


def _judge_pipeline(case: _Case, views: Sequence[_View]) -> list[Verdict]:
    """Return the verdict on what all stages share: the common mode hides it from the stages' own verdicts.

    Only the calibration is taken out. Stages are taken together when they are compared with the same runs.
    """
    groups: dict[tuple[str, ...], list[tuple[_View, Effects]]] = {}
    for view in views:
        own, calibration = view.comparison.effects(view.stage), view.comparison.calibration()
        if own is not None and calibration is not None:
            key = tuple(run.run_id for run in view.history)
            groups.setdefault(key, []).append((view, own - calibration))
    members = max(groups.values(), key=len, default=[])
    if len(members) < MIN_STAGES_FOR_COMMON_MODE:
        return []
    effects = [each for _, each in members]
    clock: Clock = "cpu" if all(view.clock == "cpu" for view, _ in members) else "wall"
    stages = [each.left_out for each in effects]
    return [_verdict(case, PIPELINE, clock, median_of(effects), stages, members[0][0].history)]


def _verdict(
    case: _Case, stage: str, clock: Clock, effects: Effects, stages: Sequence[FloatArray],
    history: Sequence[RunTimes], *, value_ms: float | None = None, baseline_ms: float | None = None,
) -> Verdict:  # fmt: skip
    """Step 3: suspect above the 95 % bound and above the smallest slowdown that matters."""
    around = spread(effects.left_out, stages)
    effect = relative(effects.candidate)
    interval = (relative(effects.candidate - around.half_width), relative(effects.candidate + around.half_width))
    limit = max(relative(around.bound), case.limit_of(stage))
    status: VerdictStatus = "pass"
    if effect > limit:
        status = "suspect" if len(history) >= HISTORY_RUNS else "provisional"
    lead = f"{stage} {_change(effect, limit, interval)} {interval_text(*interval)}, {_CLOCK_WORDS[clock]}"
    message = f"{lead}; {case.runs_text(len(history))}; would see >= {limit * 100:.1f} % here"
    baseline = {
        "runs": len(history), "branch": case.branch, "run_ids": [run.run_id for run in history], "value": baseline_ms,
    }  # fmt: skip
    return Verdict(case.test_id, stage, "latency", clock, status, message, effect, interval, limit, value_ms, baseline)


def _change(effect: float, limit: float, interval: tuple[float, float]) -> str:
    if effect > limit:
        return f"slower by {effect * 100:.1f} %"
    if interval[1] < 0 and effect < -MIN_EFFECT:
        return f"faster by {-effect * 100:.1f} %"
    return f"not slower: {effect * 100:+.1f} %"


def _gone(case: _Case) -> list[Verdict]:
    if not case.history:
        return []
    gone = [name for name in case.history[-1].stages if name not in case.candidate.stages]
    message = "{} is gone: the newest baseline run has it, this one has not"
    return [case.undecided(name, "presence", "inconclusive", message.format(name)) for name in gone]


def _unmeasurable(own_ns: dict[str, float]) -> str | None:
    if len(own_ns) < MIN_SAMPLES:
        return f"it has times of {counted(len(own_ns), 'sample')}, {MIN_SAMPLES} are needed"
    typical = float(np.median(list(own_ns.values())))
    if typical < MIN_STAGE_NS:
        shortest = f"{MIN_STAGE_NS / 1e3:g} µs"
        return f"it takes {typical / 1e3:.1f} µs, less than the {shortest} that stand out from the probes' own time"
    return None


def _shares_samples(own: dict[str, float], run: RunTimes, stage: str, clock: Clock) -> bool:
    """Whether a run has at least half of the candidate's samples: one broken run must not shrink the pairing."""
    shared = len(own.keys() & best_by_sample(run, stage, clock, run.passes).keys())
    return shared >= max(MIN_SAMPLES, len(own) / 2)


def _only_outside_samples(run: RunTimes, stage: str) -> bool:
    return {run.samples[row] for row in run.stages[stage].span_sample.tolist()} == {OUTSIDE_SAMPLES}


def _typical_ns(run: RunTimes, stage: str, clock: Clock, passes: int) -> float:
    return float(np.median(list(best_by_sample(run, stage, clock, passes).values())))
