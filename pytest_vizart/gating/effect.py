"""Steps 1 and 2 of the method: the effect of a stage against its history, and how far unchanged runs spread.

The noise of stage times is per run, not per sample: the spread therefore comes from leaving one run out of the history
at a time, never from a bootstrap over samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pytest_vizart.gating.times import FloatArray, RunTimes, StageTimes
from pytest_vizart.records.span import CALIBRATION_STAGE

Clock = Literal["cpu", "wall"]

MIN_SAMPLES = 3
MIN_STAGES_FOR_COMMON_MODE = 3
PRIOR_WEIGHT = 4
MIN_SD = 0.005

# Student's t for k + 3 degrees of freedom, k = 2 .. 10 runs: scipy.stats takes longer to import than the gate runs.
_T_95 = dict(
    zip(range(5, 14), (2.01505, 1.94318, 1.89458, 1.85955, 1.83311, 1.81246, 1.79588, 1.78229, 1.77093), strict=True)
)
_T_975 = dict(
    zip(range(5, 14), (2.57058, 2.44691, 2.36462, 2.30600, 2.26216, 2.22814, 2.20099, 2.17881, 2.16037), strict=True)
)


@dataclass(frozen=True, slots=True)
class Effects:
    """Log ratios: of the candidate against the history, and of each history run, (k,), against the others."""

    candidate: float
    left_out: FloatArray

    def __sub__(self, other: Effects) -> Effects:
        return Effects(self.candidate - other.candidate, self.left_out - other.left_out)


@dataclass(frozen=True, slots=True)
class Spread:
    """How far an unchanged run strays, as log ratios: one-sided 95 % bound, half of a two-sided 95 % interval."""

    bound: float
    half_width: float


def median_of(effects: Sequence[Effects]) -> Effects:
    """Return the median over stages, for the candidate and for each history run."""
    candidate = float(np.median([each.candidate for each in effects]))
    return Effects(candidate, np.median([each.left_out for each in effects], axis=0))


def spread(own: FloatArray, stages: Iterable[FloatArray]) -> Spread:
    """Return the spread of one stage.

    Args:
        own: (k,) leave-one-out effects of the stage, 2 <= k <= 10.
        stages: the same of every stage, this one included; their median variance is what this one is shrunk to.
    """
    k = len(own)
    prior = float(np.median([np.var(each, ddof=1) for each in stages]))
    variance = ((k - 1) * float(np.var(own, ddof=1)) + PRIOR_WEIGHT * prior) / (k - 1 + PRIOR_WEIGHT)
    scale = max(variance**0.5, MIN_SD) * (1 + 1 / k) ** 0.5
    return Spread(_T_95[k + 3] * scale, _T_975[k + 3] * scale)


def best_ns(times: StageTimes, clock: Clock, passes: int) -> FloatArray:
    """Return the shortest time of each sample over the first passes, (samples,); NaN where there is none."""
    grid = times.wall_ns if clock == "wall" else times.cpu_ns
    if grid is None:
        return np.full(times.wall_ns.shape[0], np.nan)
    part = grid[:, :passes]
    # A zero is a clock that did not tick; its logarithm would poison the medians.
    filled = np.where(np.isfinite(part) & (part > 0), part, np.inf).min(axis=1, initial=np.inf)
    return np.where(np.isfinite(filled), filled, np.nan)


class Comparison:
    """A candidate beside its history on one clock. Runs are paired by sample, on the samples that all of them have."""

    def __init__(self, candidate: RunTimes, history: Sequence[RunTimes], clock: Clock) -> None:
        self.runs = (*history, candidate)
        self.clock: Clock = clock
        self._passes = min(run.passes for run in self.runs)
        self._effects: dict[str, Effects | None] = {}
        self._normalised: dict[str, Effects | None] = {}

    def effects(self, stage: str) -> Effects | None:
        """Return the effects of a stage (or the calibration), nothing taken out; None where runs do not share it."""
        if stage not in self._effects:
            self._effects[stage] = self._measured(stage)
        return self._effects[stage]

    def calibration(self) -> Effects | None:
        return self.effects(CALIBRATION_STAGE)

    def less_common_mode(self, stage: str) -> Effects | None:
        """Return the effects of a stage without what the machine did to all stages.

        The common mode is the median of the calibration's and the other stages' effects; with fewer than three stages
        the calibration's alone. Stages inside of this one, or around it, share its changes and are not asked.
        """
        if stage not in self._normalised:
            self._normalised[stage] = self._less_common_mode(stage)
        return self._normalised[stage]

    def _less_common_mode(self, stage: str) -> Effects | None:
        own = self.effects(stage)
        if own is None:
            return None
        others = [self.effects(name) for name in self.runs[-1].stages if not related(self.runs[-1], stage, name)]
        known = [each for each in others if each is not None]
        calibration = self.calibration()
        references = known if len(known) + 1 >= MIN_STAGES_FOR_COMMON_MODE else []
        if calibration is not None:
            references = [calibration, *references]
        return own - median_of(references) if references else own

    def _measured(self, stage: str) -> Effects | None:
        logs = paired_logs(self.runs, stage, self.clock, self._passes)
        if logs.shape[1] < MIN_SAMPLES:
            return None
        history = logs[:-1]
        left_out = [_shift(history[run], np.delete(history, run, axis=0)) for run in range(len(history))]
        return Effects(_shift(logs[-1], history), np.asarray(left_out))


def paired_logs(runs: Sequence[RunTimes], stage: str, clock: Clock, passes: int) -> FloatArray:
    """Return log best times, (runs, samples), on the samples that every run has."""
    columns = [best_by_sample(run, stage, clock, passes) for run in runs]
    shared = [sample for sample in columns[-1] if all(sample in column for column in columns)]
    return np.log([[column[sample] for sample in shared] for column in columns]).reshape(len(runs), len(shared))


def best_by_sample(run: RunTimes, stage: str, clock: Clock, passes: int) -> dict[str, float]:
    """Return the shortest time of each sample in nanoseconds; samples without one are left out."""
    times = run.calibration if stage == CALIBRATION_STAGE else run.stages.get(stage)
    if times is None:
        return {}
    best = best_ns(times, clock, passes)
    return {sample: float(ns) for sample, ns in zip(run.samples, best, strict=True) if ns == ns}


def related(run: RunTimes, stage: str, other: str) -> bool:
    """Whether two stages are the same, or one runs inside of the other."""
    return stage == other or other in _ancestors(run, stage) or stage in _ancestors(run, other)


def _ancestors(run: RunTimes, stage: str) -> list[str]:
    found: list[str] = []
    parent = run.parents.get(stage)
    while parent is not None and parent not in found:
        found.append(parent)
        parent = run.parents.get(parent)
    return found


def _shift(logs: FloatArray, others: FloatArray) -> float:
    return float(np.median(logs - np.median(others, axis=0)))
