"""Lines of the terminal summary: plain text with a role."""

from __future__ import annotations

import textwrap
from typing import Literal

from pytest_vizart.report.wording import printable

Role = Literal["title", "pass", "fail", "warn", "info"]
Line = tuple[Role, str]


def wrapped(role: Role, text: str, width: int, indent: int = 0, hanging: int = 2) -> list[Line]:
    """Text as lines of at most `width` columns; those after the first stand `hanging` columns further right."""
    first, rest = " " * indent, " " * (indent + hanging)
    lines = textwrap.wrap(printable(text), width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return [(role, line) for line in lines]
