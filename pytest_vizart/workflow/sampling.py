"""Passes and warm-up: in which order the samples come, and when it is enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pytest_vizart.profiling.clock import Clock

S = TypeVar("S")

AUTO_PASSES = 3
_LONG_PASS_S = 20.0
_VERY_LONG_PASS_S = 60.0
_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Turn:
    """Where in the run a group of samples stands."""

    pass_index: int
    warmup: bool  # not counted
    memory: bool = False  # the pass of the exact peaks, which is not counted either
    functions: bool = False  # the pass of the function profile, nor is that


def turns(
    groups: Sequence[S],
    clock: Clock,
    *,
    passes: int | None,
    warmup_groups: int,
    memory: bool = False,
    profiled: Sequence[int] = (),
) -> Iterator[tuple[S, Turn]]:
    """Yield every group with its turn: warm-up first, then pass after pass, then the passes that are not judged.

    Args:
        groups: samples, or batches of them.
        passes: how many; None for 3, for 2 when the first took over 20 s, for 1 when it took over 60 s.
        warmup_groups: how many of the first groups run before and are not counted.
        memory: whether all groups run once more for their exact peaks: memory that the allocator has kept is given
            back before, which costs time.
        profiled: numbers of the groups that run once more under the function profiler. It distorts times, so that no
            pass that is judged may run under it.
    """
    for group in groups[:warmup_groups]:
        yield group, Turn(0, warmup=True)
    started_ns = clock.wall_ns()
    wanted = AUTO_PASSES if passes is None else passes
    pass_index = 0
    while pass_index < wanted:
        for group in groups:
            yield group, Turn(pass_index, warmup=False)
        if passes is None and pass_index == 0:
            wanted = _affordable((clock.wall_ns() - started_ns) / _NS_PER_S)
        pass_index += 1
    if memory:
        for group in groups:
            yield group, Turn(pass_index, warmup=True, memory=True)
        pass_index += 1
    for number in profiled:
        yield groups[number], Turn(pass_index, warmup=True, functions=True)


def _affordable(pass_s: float) -> int:
    if pass_s > _VERY_LONG_PASS_S:
        return 1
    return 2 if pass_s > _LONG_PASS_S else AUTO_PASSES


def batched(samples: Sequence[S], size: int) -> list[list[S]]:
    """Samples in lists of `size`, the last one shorter."""
    return [list(samples[start : start + size]) for start in range(0, len(samples), size)]
