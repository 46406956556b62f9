"""Step 5 of the method: which clock may judge a stage, and whether it may at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.gating.effect import Clock
from pytest_vizart.gating.times import FloatArray, RunTimes, StageTimes

MAX_OTHER_THREADS = 1.05  # process CPU over thread CPU
CLOCK_READ_NS = 5_000.0  # the two CPU clocks are read one after the other; on short stages that alone is 5 %
WAITING = 1.1  # wall over CPU, with voluntary switches
WAITING_UNSEEN = 1.5  # the same where switches are not counted: preemption looks alike
NEWLY_WAITING = 1.02  # a stage that begins to wait is a change of its own, from the smallest effect that is judged
UNPREEMPTED = 1.03
UNPREEMPTED_SHARE = 0.8
COARSE_TICK_NS = 500_000  # no CPU clock between nanoseconds and the schedulers' ticks (1 to 15.6 ms) is known
COARSE_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Nature:
    """What one run shows of a stage: has it a CPU clock, do other threads work for it, does it wait."""

    has_cpu: bool
    threaded: bool = False
    waits: bool = False
    yields: bool = False  # most samples show voluntary switches and some wall time beyond CPU

    @property
    def cpu_bound(self) -> bool:
        return self.has_cpu and not self.threaded and not self.waits


def choose_clock(stage: str, candidate: RunTimes, history: Sequence[RunTimes]) -> Clock:
    """Return the clock that a stage goes by: CPU only when both the candidate and its history are CPU-bound.

    A stage that waits now, or waited before, is compared by wall time: that is where the change shows.
    """
    now = nature(candidate.stages[stage])
    before = [nature(run.stages[stage]) for run in history if stage in run.stages]
    if not now.cpu_bound or sum(each.cpu_bound for each in before) * 2 < len(before):
        return "wall"
    if now.yields and before and sum(each.yields for each in before) * 2 < len(before):
        return "wall"
    return "wall" if _coarse(stage, [candidate, *history]) else "cpu"


def kind_untold(stage: str, candidate: RunTimes, history: Sequence[RunTimes]) -> bool:
    """Whether a stage seems to have begun or ceased to wait, and nothing tells waiting from preemption.

    Context switches tell them apart. Without them a busy machine looks like a stage that waits; the short calibration
    often escapes what hits a longer stage.
    """
    switches = candidate.stages[stage].voluntary_switches
    if switches is not None and _mostly(np.isfinite(switches)):
        return False
    before = [nature(run.stages[stage]).waits for run in history if stage in run.stages]
    return bool(before) and nature(candidate.stages[stage]).waits != (sum(before) * 2 > len(before))


def undisturbed(run: RunTimes) -> str | None:
    """Return None when a run's wall times may be judged, else the reason why not.

    The calibration never waits and uses one thread: where its wall time exceeds its CPU time, the machine was taken
    away meanwhile, from the stages beside it as well.
    """
    calibration = run.calibration
    if calibration is None:
        return "there is no calibration to tell whether wall time was undisturbed"
    if calibration.cpu_ns is None:
        return "without CPU time (--vizart-profile=detailed) nothing tells whether wall time was undisturbed"
    wall, cpu = _on_best_pass(calibration, calibration.wall_ns, calibration.cpu_ns)
    known = np.isfinite(wall) & np.isfinite(cpu)
    if not known.any():
        return "there is no calibration to tell whether wall time was undisturbed"
    share = float(np.mean(wall[known] < UNPREEMPTED * cpu[known]))
    if share < UNPREEMPTED_SHARE:
        return f"the machine was disturbed: only {share:.0%} of the calibrations ran uninterrupted, 80% are needed"
    return None


def nature(times: StageTimes) -> Nature:
    """Return what one run shows of a stage, on the best pass of each sample."""
    if times.cpu_ns is None:
        return Nature(has_cpu=False)
    wall, cpu = _on_best_pass(times, times.wall_ns, times.cpu_ns)
    known = np.isfinite(wall) & np.isfinite(cpu) & (cpu >= 0)
    if not known.any():
        return Nature(has_cpu=False)
    wall, cpu = wall[known], cpu[known]
    threaded = False
    if times.process_cpu_ns is not None:
        process = _on_best_pass(times, times.process_cpu_ns)[0][known]
        other = np.maximum(process - cpu - CLOCK_READ_NS, 0.0)
        # NaN compares false: an unmeasured process clock accuses nobody.
        threaded = bool(np.median(other) > (MAX_OTHER_THREADS - 1) * np.median(cpu))
    switches = times.voluntary_switches
    if switches is None:
        counted, switched = np.zeros(len(wall), np.bool_), np.zeros(len(wall), np.bool_)
    else:
        # A stage that proved short is only timed from then on: of its later spans no switches are known.
        of_best = _on_best_pass(times, switches)[0][known]
        counted, switched = np.isfinite(of_best), of_best > 0
    return Nature(
        True,
        threaded,
        waits=_mostly(np.where(counted, switched & (wall > WAITING * cpu), wall > WAITING_UNSEEN * cpu)),
        yields=_mostly(counted & switched & (wall > NEWLY_WAITING * cpu)),
    )


def _on_best_pass(times: StageTimes, *grids: FloatArray) -> list[FloatArray]:
    """Return each grid's values, (samples,), on the pass in which the sample's wall time was shortest."""
    wall = np.where(np.isfinite(times.wall_ns), times.wall_ns, np.inf)
    if not wall.shape[1]:
        return [np.zeros(0) for _ in grids]
    best = wall.argmin(axis=1)[:, None]
    return [np.take_along_axis(grid, best, axis=1)[:, 0] for grid in grids]


def _mostly(flags: NDArray[np.bool_]) -> bool:
    return bool(np.mean(flags) >= 0.5)


def _coarse(stage: str, runs: Sequence[RunTimes]) -> bool:
    """Whether the CPU clock ticks too coarsely for this stage.

    The tick is read off the values: Windows reports 100 ns for a clock that moves every 15.6 ms.
    """
    grids = [run.stages[stage].cpu_ns for run in runs if stage in run.stages]
    values = np.concatenate([grid.ravel() for grid in grids if grid is not None])
    values = np.unique(values[np.isfinite(values)])
    if not len(values) or values[-1] <= 0:
        return True
    if len(values) < 2:  # one value, repeated, tells nothing of the tick
        return False
    tick = float(np.gcd.reduce(values.astype(np.int64)))
    typical = float(np.median(values[values > 0]))
    return tick >= COARSE_TICK_NS and tick > COARSE_SHARE * typical
