"""Lines of the audit log as people read them."""

from __future__ import annotations

from typing import Any

import click

from pytest_vizart.report.wording import printable, shortened

_COLORS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red", "SUCCESS": "green"}
_TOLD_ELSEWHERE = frozenset(("time", "level", "event", "run_id", "test", "stage", "sample", "traceback", "success"))
_WHY = ("error", "message", "reason")


def compact(line: dict[str, Any], width: int | None) -> str:
    """One line: when, level, run, what, where, why. `width` is that of the terminal, None for no limit."""
    level = str(line.get("level", ""))
    when = str(line.get("time", ""))[:19].replace("T", " ")
    where = " ".join(str(line[name]) for name in ("event", "stage", "sample") if line.get(name))
    why = next((str(line[name]) for name in _WHY if line.get(name)), _figures(line))
    parts = [printable(part) for part in (when, level, str(line.get("run_id", ""))[:8], where, why)]
    parts[1] = f"{parts[1]:<7}"
    text = "  ".join(part for part in parts if part)
    return click.style(text if width is None else shortened(text, width), fg=_COLORS.get(level))


def in_full(line: dict[str, Any]) -> list[str]:
    """The line, and below it all that it has not told yet."""
    told = [compact(line, None)]
    shown = next((name for name in _WHY if line.get(name)), None)
    for name, value in line.items():
        if name not in _TOLD_ELSEWHERE and name != shown and (shown is not None or name.endswith("_path")):
            told.append(f"    {printable(f'{name}: {value}')}")
    return told + [f"    {each}" for each in traceback_lines(line.get("traceback"))]


def traceback_lines(text: object) -> list[str]:
    """A traceback's lines, indented as they are, safe on a terminal."""
    lines = text.splitlines() if isinstance(text, str) else []
    return [" " * (len(line) - len(line.lstrip(" "))) + printable(line) for line in lines if line.strip()]


def _figures(line: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in line.items() if _is_figure(name))


def _is_figure(name: str) -> bool:
    return name not in _TOLD_ELSEWHERE and not name.endswith("_path")
