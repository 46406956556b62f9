"""The stages of one run: their numbers, and the class of each one's spans, which decides how deep it is measured."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pytest_vizart.profiling.probes.edge_probes import EdgeProbes, SafeProbe
from pytest_vizart.profiling.recording.detailed_spans import (
    ClockedSpan,
    DetailedSpan,
    FunctionSpan,
    HeapSpan,
    ProbedSpan,
)  # fmt: skip
from pytest_vizart.profiling.recording.open_spans import HandingSpan, OpenSpan, TimedSpan, of_stage
from pytest_vizart.profiling.recording.stage_names import CALIBRATION, checked_name

if TYPE_CHECKING:
    from pytest_vizart.profiling.recording.span_sink import SpanSink

_SHORT_SPANS = 5

Classes = dict[str, type[OpenSpan]]


class StageClasses:
    """Stage names and span classes.

    `plain` and `with_heap` hold the classes by name, of ordinary samples and of those whose heap is looked at. Classes
    are made when a stage is first begun there, and again after `rebuild`.

    Args:
        names: of the stages, by their numbers; those of new stages are added.
        detailed: whether the level is above basic.
        edges: further probes, by stage.
        kept: stages that are measured in full however short they are; None stands for every stage.
        hands_over: whether somebody takes outputs at every level, not only summaries at the higher ones.
    """

    def __init__(
        self,
        recorder: SpanSink,
        *,
        names: list[str],
        detailed: bool,
        edges: EdgeProbes,
        kept: frozenset[str | None],
        hands_over: bool = False,
    ) -> None:
        self.names = names
        self.plain: Classes = {}
        self.with_heap: Classes = {}
        self.timed_only: set[int] = set()
        self.edges = edges
        self.functions = False  # the pass of the function profile
        self._recorder = recorder
        self._detailed = detailed
        self._kept = kept
        self._only_timed = HandingSpan if hands_over else TimedSpan
        self._numbers: dict[str, int] = {}
        self._short_spans: dict[int, int] = {}
        self._probes: dict[int, tuple[SafeProbe, ...]] = {}
        self._lock = threading.Lock()

    def calibration(self) -> type[OpenSpan]:
        """Return the class of the calibration's spans, which are never short of clocks."""
        return of_stage(DetailedSpan if self._detailed else TimedSpan, self._recorder, CALIBRATION)

    def number(self, name: object) -> tuple[int, bool]:
        """Return the number of a stage, and whether it is a new one.

        Raises:
            UsageError: the name cannot be one.
        """
        known = self._numbers.get(name) if isinstance(name, str) else None
        if known is not None:
            return known, False
        checked = checked_name(name, len(self._numbers))
        with self._lock:
            if checked in self._numbers:  # another thread was faster
                return self._numbers[checked], False
            self.names.append(checked)
            self._numbers[checked] = number = len(self.names) - 1
            return number, True

    def build(self, name: str, classes: Classes) -> type[OpenSpan]:
        """Make the class of a stage that has a number, and put it where it was missing."""
        number = self._numbers[name]
        kind = classes[name] = of_stage(self._kind(name, number, classes), self._recorder, number)
        return kind

    def rebuild(self) -> None:
        """Make all classes anew when they are next wanted: something about them has changed."""
        self.plain.clear()
        self.with_heap.clear()

    def probes(self, number: int) -> tuple[SafeProbe, ...]:
        """Return the further probes of a stage."""
        return self._probes.get(number, ())

    def has_exact_peak(self, number: int) -> bool:
        return any(probe.columns == ("rss_peak",) for probe in self.probes(number))

    def may_be_short(self, number: int) -> bool:
        """Count a short span; True when there are enough of them to look at all spans of the stage."""
        seen = self._short_spans.get(number, 0) + 1
        self._short_spans[number] = seen
        name = self.names[number]
        times, rest = divmod(seen, _SHORT_SPANS)
        # At 5, 10, 20, 40, ... of them: looking takes the longer, the more spans there are.
        due = not rest and times & (times - 1) == 0
        return due and not (number == CALIBRATION or name in self._kept or None in self._kept)

    def only_time(self, number: int) -> None:
        """From now on a stage is only timed."""
        self.timed_only.add(number)
        self.plain.pop(self.names[number], None)
        self.with_heap.pop(self.names[number], None)

    def _kind(self, name: str, number: int, classes: Classes) -> type[OpenSpan]:
        if self.functions:
            return FunctionSpan
        self._probes[number] = probes = self.edges.of_stage(name)
        if number in self.timed_only:
            return ClockedSpan
        if not (self._detailed or probes):
            return self._only_timed
        if classes is self.with_heap:
            return HeapSpan
        return ProbedSpan if probes else DetailedSpan
