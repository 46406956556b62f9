"""What a run's stages cost, in the terminal: a table, what takes most of the time and why, what memory leaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pytest_vizart.records.run import RunResult
from pytest_vizart.records.stage import StageStats
from pytest_vizart.report.nesting import nested
from pytest_vizart.report.recommendations import recommend_for_run
from pytest_vizart.report.terminal_lines import Line, wrapped
from pytest_vizart.report.wording import (
    aligned_milliseconds,
    bad_endings,
    leak_sentence,
    listed,
    megabytes,
    per_second,
    percent,
    printable,
    shortened,
)

_MARGIN = 2
_LEAST_ROOM = 8
_DEEPEST = 4
_RATE = "per s"
_AT_ONCE = "*"  # plain, since not every terminal knows a sign for parallel

_Cells = Callable[[Sequence[StageStats]], list[str]]


def _milliseconds_of(pick: Callable[[StageStats], float | None]) -> _Cells:
    return lambda stages: aligned_milliseconds([pick(stats) for stats in stages])


_COLUMNS: dict[str, _Cells] = {
    "median ms": _milliseconds_of(lambda stats: stats.wall_ms.median if stats.wall_ms else None),
    "p95 ms": _milliseconds_of(lambda stats: stats.wall_ms.p95 if stats.wall_ms else None),
    "CPU ms": _milliseconds_of(lambda stats: stats.cpu_ms.median if stats.cpu_ms else None),
    "growth MB": lambda stages: [megabytes(each.memory_mb.growth if each.memory_mb else None) for each in stages],
    _RATE: lambda stages: [per_second(stats.per_second) for stats in stages],
    "share": lambda stages: [percent(stats.share) for stats in stages],
}


def stage_lines(run: RunResult, verbose: bool, width: int) -> list[Line]:
    """The table of stages, nested ones indented, and what has to be said of them."""
    stages = run.stages
    if not stages:
        return [("info", "  no stage was measured")]
    levels = nested(stages)
    lines = _table(levels, bad_endings(run.spans), width)
    if any(stats.concurrent for stats in stages):
        lines += wrapped("info", f"{_AT_ONCE} at the same time as other stages: times do not add up", width, _MARGIN)
    if verbose:
        for note, names in _by_note(stages).items():
            lines += wrapped("info", f"{listed(names, 6)}: {note}", width, _MARGIN)
    return lines


def bottleneck_lines(run: RunResult, verbose: bool, width: int) -> list[Line]:
    """The stages that take most of the time, and why, as far as the measurements tell."""
    lines: list[Line] = []
    said: dict[str, str] = {}  # advice, less its figures -> the stage that it was given for first
    for number, found in enumerate(recommend_for_run(run), start=1):
        message = found.message if verbose else _first_two_sentences(found.message)
        share, _, advice = message.partition(". ")
        first = said.setdefault(re.sub(r"[0-9.,]+", "#", advice), found.stage)
        if advice and first != found.stage and not verbose:
            message = f"{share}. The same holds as for {first}."
        lines += wrapped("info", f"{number}. {message}", width, _MARGIN, hanging=3)
    return lines


def leak_lines(run: RunResult, width: int) -> list[Line]:
    """Memory that surely grows from sample to sample."""
    return [
        line
        for leak in run.profile.leaks
        if leak.found
        for line in wrapped("warn", leak_sentence(leak), width, _MARGIN)
    ]


def _table(levels: Sequence[tuple[int, StageStats]], endings: Mapping[str, str], width: int) -> list[Line]:
    stages = [stats for _, stats in levels]
    columns = {name: cells(stages) for name, cells in _COLUMNS.items()}
    widths = {name: max(len(name), *map(len, cells)) for name, cells in columns.items()}
    longest = max(len("stage"), *(len(_label(stats, depth, width)) for depth, stats in levels))
    measured = any(stats.per_second is not None for stats in stages)
    in_table = measured and longest <= _room(widths, width)
    if not in_table:
        widths.pop(_RATE)
    room = max(_room(widths, width), _LEAST_ROOM)
    names = [_label(stats, depth, room) for depth, stats in levels]
    broad = max(len("stage"), *map(len, names))
    lines: list[Line] = [("info", _row("stage", {name: name for name in widths}, broad, widths))]
    for number, (stats, name) in enumerate(zip(stages, names, strict=True)):
        cells = {column: columns[column][number] for column in widths}
        lines.append(("info", _row(name, cells, broad, widths)))
        if stats.name in endings:
            lines.append(("fail", f"    {shortened(f'{name.strip()}: {endings[stats.name]}', width - 4)}"))
    if measured and not in_table:
        rates = (f"{printable(stats.name)} {per_second(stats.per_second)}" for stats in stages if stats.per_second)
        lines += wrapped("info", f"per second: {', '.join(rates)}", width, _MARGIN)
    return lines


def _room(widths: dict[str, int], width: int) -> int:
    return width - _MARGIN - sum(each + 2 for each in widths.values())


def _row(name: str, cells: dict[str, str], broad: int, widths: dict[str, int]) -> str:
    return f"{' ' * _MARGIN}{name:<{broad}}" + "".join(f"  {cells[column]:>{widths[column]}}" for column in widths)


def _label(stats: StageStats, depth: int, room: int) -> str:
    indent = "  " * min(depth, _DEEPEST)
    mark = f" {_AT_ONCE}" if stats.concurrent else ""
    return f"{indent}{shortened(printable(stats.name), max(room - len(indent) - len(mark), 1))}{mark}"


def _by_note(stages: Sequence[StageStats]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for stats in stages:
        for note in stats.notes:
            names.setdefault(note, []).append(stats.name)
    return names


def _first_two_sentences(text: str) -> str:
    """What takes how much, and the advice; further remarks are for the verbose."""
    return " ".join(re.split(r"(?<=[.!?]) (?=[A-Z])", text)[:2])
