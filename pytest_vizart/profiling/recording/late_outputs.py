"""Outputs of threads that run a sample behind: they belong to the sample on which their stage began."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from pytest_vizart.profiling.recording.span_file import OPENED

Handed = list[tuple[Any, Any]]
"""Spans, and what they handed over."""


class LateSpan:
    """Stands for a span of an earlier sample, whose stage may hand over its output of the sample at hand as well."""

    __slots__ = ("name", "number")

    def __init__(self, span: Any, place: int) -> None:
        self.name, self.number = span.name, (place, span.number)


def by_place(handed: Handed, buffer: Any, at_hand: int) -> dict[int, Handed]:
    """Return outputs by the number of the place at which their spans began, as their records have it."""
    found: dict[int, Handed] = {}
    for span, value in handed:
        began_at = at_hand
        with suppress(struct.error):  # the run is over, or has no room for more records
            began_at = OPENED.unpack_from(buffer, span.offset)[1]
        found.setdefault(began_at, []).append((span, value))
    return found


def sample_at(lines: Sequence[list[Any]], place: int) -> str | None:
    """Return the sample of an earlier place; None if it was of warm-up or a later pass, whose outputs are of no use.

    `lines` are those of the journal.
    """
    for line in reversed(lines):
        if line[0] == "place" and line[1] == place:
            _, _, sample_id, pass_index, warmup, *_ = line
            return None if warmup or pass_index else sample_id
    return None
