"""Memory: absolute limits from the markers, on the stages and on what leaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pytest_vizart.gating.limits import MemoryLimit, did_not_run, pick, unknown_stages
from pytest_vizart.gating.wording import beside
from pytest_vizart.records.profile import Leak
from pytest_vizart.records.stage import StageStats
from pytest_vizart.records.verdict import Verdict, VerdictStatus

ALL_STAGES = "(all)"
_LEAK = "max_leak_mb"
_SAMPLES = 100  # a leak is limited per 100 samples
_KB_PER_MB = 1e3


@dataclass(frozen=True, slots=True)
class _Quantity:
    """One thing of a stage that can be limited, in MB; `hint` says how it becomes measured."""

    metric: str
    label: str
    hint: str
    limit_of: Callable[[MemoryLimit], float | None]
    value_of: Callable[[StageStats], float | None]
    sampled: Callable[[StageStats], bool] = lambda stage: False


def _resident(stage: StageStats) -> float | None:
    memory = stage.memory_mb
    if memory is None:
        return None
    return max(memory.before, memory.after) if memory.highest is None else memory.highest


_DETAILED = "--vizart-profile=detailed"
_QUANTITIES = (
    _Quantity("max_rss_mb", "resident memory", _DETAILED, lambda limit: limit.max_rss_mb, _resident),
    _Quantity(
        "max_growth_mb", "memory growth", _DETAILED, lambda limit: limit.max_growth_mb,
        lambda stage: None if stage.memory_mb is None else stage.memory_mb.growth,
    ),
    _Quantity(
        "max_peak_mb", "memory peak", f"{_DETAILED}, on a system that tells it: see vizart doctor",
        lambda limit: limit.max_peak_mb,
        lambda stage: None if stage.memory_mb is None else stage.memory_mb.peak,
        lambda stage: stage.memory_mb is not None and not stage.memory_mb.peak_exact,
    ),
    _Quantity(
        "max_gpu_mb", "GPU memory", f"it is what torch allocates on a CUDA device, with {_DETAILED}: see vizart doctor",
        lambda limit: limit.max_gpu_mb, lambda stage: stage.gpu_mb,
    ),
)  # fmt: skip


def judge_memory(
    test_id: str, stages: Sequence[StageStats], limits: Sequence[MemoryLimit] = (), leaks: Sequence[Leak] = ()
) -> list[Verdict]:
    """Return one verdict for each limit of each stage, and one for each limit on each leak.

    A limit on what did not run or was not measured fails. One that names no stage holds where its quantity is measured
    and is inconclusive for the other stages; measured nowhere, it fails. A peak told by a sampler may be too low: over
    the limit it fails, under it the message says so.

    A leak is the process's, so a limit without a stage is judged once, under "(all)". With a stage it holds when that
    stage leaks, or when it is not known which one does; a stage that has a limit of its own goes by that alone.

    Args:
        leaks: of the run; empty where there were too few samples to tell.
    """
    names = [stage.name for stage in stages]
    verdicts = [
        Verdict(test_id, stage, "memory", "presence", "fail", did_not_run(stage, names, "stages that ran"))
        for stage in unknown_stages(limits, names)
    ]
    for stage in stages:
        for quantity in _QUANTITIES:
            limit_mb = pick(limits, stage.name, quantity.limit_of)
            if limit_mb is not None:
                excused = _excused(stage, stages, limits, quantity)
                verdicts.append(_of_stage(test_id, stage, quantity, limit_mb, excused))
    return verdicts + _of_leaks(test_id, names, limits, leaks)


def _excused(
    stage: StageStats, stages: Sequence[StageStats], limits: Sequence[MemoryLimit], quantity: _Quantity
) -> bool:
    """Whether the limit names no stage and is held to in others."""
    named = any(limit.stage == stage.name and quantity.limit_of(limit) is not None for limit in limits)
    return not named and any(quantity.value_of(other) is not None for other in stages)


def _of_stage(test_id: str, stage: StageStats, quantity: _Quantity, limit_mb: float, excused: bool) -> Verdict:
    value_mb, name = quantity.value_of(stage), f"{stage.name} {quantity.label}"
    if value_mb is None:
        status: VerdictStatus = "inconclusive" if excused else "fail"
        message = f"{name} is not measured, but limited to {limit_mb:g} MB"
        message += "; other stages are held to it" if excused else f"; hint: {quantity.hint}"
        return Verdict(test_id, stage.name, "memory", quantity.metric, status, message, limit=limit_mb)
    verdict = Verdict(test_id, stage.name, "memory", quantity.metric, "pass", name, limit=limit_mb, value=value_mb)
    verdict = _held(verdict, _shown(value_mb, limit_mb))
    if verdict.status == "pass" and quantity.sampled(stage):
        return replace(verdict, message=f"{verdict.message}; sampled: a short peak may be missed")
    return verdict


def _of_leaks(
    test_id: str, names: Sequence[str], limits: Sequence[MemoryLimit], leaks: Sequence[Leak]
) -> list[Verdict]:
    verdicts = []
    limited = [name for name in names if any(_names_leak(limit, name) for limit in limits)]
    for stage in [*limited, *([None] if any(_names_leak(limit, None) for limit in limits) else [])]:
        limit_mb = next(limit.max_leak_mb for limit in limits if _names_leak(limit, stage))
        assert limit_mb is not None, "only limits that name it are looked at"
        verdicts += [_of_leak(test_id, stage, leak, limit_mb, limited) for leak in leaks]
        if not any(leak.resource == "cpu" for leak in leaks):
            verdicts.append(_leak_unmeasured(test_id, stage, limit_mb))
    return verdicts


def _names_leak(limit: MemoryLimit, stage: str | None) -> bool:
    return limit.stage == stage and limit.max_leak_mb is not None


def _of_leak(test_id: str, stage: str | None, leak: Leak, limit_mb: float, limited: Sequence[str]) -> Verdict:
    what = f"{'GPU memory' if leak.resource == 'gpu' else 'memory'} growth per {_SAMPLES} samples"
    name = f"{what}{f', most in {leak.stage}' if leak.stage else ''}:" if stage is None else f"{stage} {what}"
    value_mb, low, high = (kb * _SAMPLES / _KB_PER_MB for kb in (leak.kb_per_sample, leak.low, leak.high))
    shown = f"{beside(value_mb, limit_mb, 3)} MB [{low:.3g} .. {high:.3g}] over {leak.points} samples"
    verdict = Verdict(
        test_id, stage or ALL_STAGES, "memory", _LEAK, "pass", name, None, (low, high), limit_mb, value_mb
    )  # fmt: skip
    if not leak.found:
        why = "not surely more than none"
    elif stage is not None and leak.stage not in (None, stage):
        why = f"most in {leak.stage}"
    elif stage is None and leak.stage in limited:
        why = f"{leak.stage} has a limit of its own"
    else:
        return _held(verdict, shown)
    return replace(verdict, message=f"{name} {shown}: {why}")


def _leak_unmeasured(test_id: str, stage: str | None, limit_mb: float) -> Verdict:
    message = (
        f"{f'{stage} ' if stage else ''}memory growth from sample to sample is not measured, but limited to "
        f"{limit_mb:g} MB per {_SAMPLES} samples; hint: it takes 30 samples or batches in one test after the first "
        f"pass, or after the first fifth of a single one: more samples or a larger --vizart-passes, and {_DETAILED}"
    )
    return Verdict(test_id, stage or ALL_STAGES, "memory", _LEAK, "fail", message, limit=limit_mb)


def _held(verdict: Verdict, shown: str) -> Verdict:
    """The verdict, its value held to its limit; `shown` is the value as the message tells it."""
    value_mb, limit_mb = verdict.value, verdict.limit
    assert value_mb is not None, "only measured values are held to a limit"
    assert limit_mb is not None, "and only to one that was given"
    if value_mb <= limit_mb:
        return replace(verdict, message=f"{verdict.message} {shown} <= {limit_mb:g} MB")
    over_mb = value_mb - limit_mb
    message = f"{verdict.message} {shown} > {limit_mb:g} MB, {over_mb:.3g} MB over"
    return replace(verdict, status="fail", message=message, effect=over_mb)


def _shown(value_mb: float, limit_mb: float) -> str:
    """The value with one decimal, or as many digits as it takes to see on which side of the limit it lies."""
    text = f"{value_mb:.1f}"
    same_side = (float(text) > limit_mb) == (value_mb > limit_mb)
    return f"{text if same_side else beside(value_mb, limit_mb)} MB"
