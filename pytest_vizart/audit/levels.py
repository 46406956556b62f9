"""Levels of lines: Loguru's names, which hold the standard library's."""

from __future__ import annotations

from bisect import bisect_right

LEVELS = {"TRACE": 5, "DEBUG": 10, "INFO": 20, "SUCCESS": 25, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
"""Name -> number, lowest first."""

_NAMES, _NUMBERS = tuple(LEVELS), tuple(LEVELS.values())


def name_of(number: float) -> str:
    """Return the highest level that is not above `number`: applications have levels of their own between these."""
    return _NAMES[max(bisect_right(_NUMBERS, number) - 1, 0)]


def standard_level(level: object) -> str:
    """Return the name under which a level is written, as whoever logs gave it: "warning", 30, "notice"."""
    if isinstance(level, int | float):
        return name_of(level)
    name = str(level).upper()
    return {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(name, name if name in LEVELS else "INFO")


def number_of(level: object) -> int:
    """Return the number of a line's level; one that nobody knows counts as INFO."""
    return LEVELS.get(level, LEVELS["INFO"]) if isinstance(level, str) else LEVELS["INFO"]
