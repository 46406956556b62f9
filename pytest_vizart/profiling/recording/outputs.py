"""What stages handed over: summarised once a sample, as soon as the stage that made it has ended."""

from __future__ import annotations

from typing import Any

from pytest_vizart.errors import warn
from pytest_vizart.profiling.clock import Clock
from pytest_vizart.profiling.recording.open_spans import ClockedSpan, DetailedSpan
from pytest_vizart.profiling.recording.summaries import summarise
from pytest_vizart.records.profile import OutputSummary

_MOST_OPEN = 10_000


class Outputs:
    """The summaries of one run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.summaries: list[OutputSummary] = []
        self.cost_ns = 0
        self._done: set[int] = set()
        self._gave_up = False

    def begin_sample(self) -> None:
        self._done.clear()

    def take(self, handed: list[tuple[Any, Any]], sample_id: str | None) -> None:
        """Summarise values by the stages that handed them over, the first of each stage on this sample."""
        for span, value in handed:
            if span.number in self._done or self._gave_up:
                continue
            self._done.add(span.number)
            try:
                self.summaries.append(summarise(value, stage=span.name, sample_id=sample_id))
            except Exception as error:  # noqa: BLE001 - whatever an output does when it is looked at, the run goes on
                self._gave_up = True
                warn(f"outputs are no longer summarised: {type(error).__name__}: {error}")

    def take_off_the_clock(self, handed: list[tuple[Any, Any]], sample_id: str | None, around: Any) -> None:
        """Summarise while the clocks of the spans that are still open around stand still.

        `around` is the innermost of them, None if there is none. The spans' starts are moved instead of their clocks.
        """
        clock = self._clock
        wall, cpu, process = clock.wall_ns(), clock.cpu_ns(), clock.process_cpu_ns()
        self.take(handed, sample_id)
        process, cpu = clock.process_cpu_ns() - process, clock.cpu_ns() - cpu
        wall = clock.wall_ns() - wall
        self.cost_ns += wall
        for _ in range(_MOST_OPEN):  # a span entered twice may be its own ancestor
            if around is None:
                break
            if hasattr(around, "start_ns"):
                around.start_ns += wall
            if isinstance(around, ClockedSpan):
                around.cpu_ns += cpu
                around.process_cpu_ns += process
            elif isinstance(around, DetailedSpan):
                rss, usage, process_before, cpu_before = around.before
                around.before = (rss, usage, process_before + process, cpu_before + cpu)
            around = around.parent
