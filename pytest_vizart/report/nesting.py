"""Stages as they lie in each other."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_vizart.records.stage import StageStats


def nested(stages: Sequence[StageStats]) -> list[tuple[int, StageStats]]:
    """Return each stage once with its depth, nested ones right after the stage around them.

    Stages of one level keep their order. A stage whose parent is not among them counts as outermost.
    """
    names = {stats.name for stats in stages}
    inside: dict[str | None, list[StageStats]] = {}
    for stats in stages:
        around = stats.parent if stats.parent in names and stats.parent != stats.name else None
        inside.setdefault(around, []).append(stats)
    found: list[tuple[int, StageStats]] = []
    waiting = [(0, stats) for stats in reversed(inside.get(None, []))]
    while waiting:
        depth, stats = waiting.pop()
        found.append((depth, stats))
        waiting += [(depth + 1, child) for child in reversed(inside.get(stats.name, []))]
    # Stages that lie in each other in a circle hang under none.
    placed = {stats.name for _, stats in found}
    return found + [(0, stats) for stats in stages if stats.name not in placed]
