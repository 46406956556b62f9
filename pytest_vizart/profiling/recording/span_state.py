"""What open spans read of their run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pytest_vizart.profiling.probes.sources import Usage
from pytest_vizart.profiling.recording.open_spans import OpenSpan


class SpanState:
    """What spans read at every stage. Slots, because a class of many attributes gives no fast ones otherwise."""

    __slots__ = (
        "buffer", "classes", "cpu_ns", "groups", "last", "now_ns", "offsets", "outputs", "place", "process_cpu_ns",
        "rss", "short_ns", "takes_outputs", "usage",
    )  # fmt: skip

    buffer: Any
    classes: dict[str, type[OpenSpan]]
    cpu_ns: Callable[[], int]
    groups: int
    last: int  # number of the stage that ended last, 0 for none
    now_ns: Callable[[], int]
    offsets: Iterator[int]
    outputs: list[tuple[Any, Any]]
    place: int
    process_cpu_ns: Callable[[], int]
    rss: Callable[[], int | None]
    short_ns: int
    takes_outputs: bool
    usage: Callable[[], Usage]
