"""What stages handed over: summarised once a sample, and passed on, as soon as the stage that made it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from pytest_vizart.errors import warn
from pytest_vizart.profiling.clock import Clock
from pytest_vizart.profiling.recording.detailed_spans import ClockedSpan, DetailedSpan
from pytest_vizart.profiling.recording.summaries import summarise
from pytest_vizart.records.profile import OutputSummary

_MOST_OPEN = 10_000

OutputTaker = Callable[[str, str | None, Any, str | None], None]
"""Takes stage, sample, value, and the digest of the value's summary where it was summarised."""


class Stopped:
    """For how long the clocks stood still, once they go again."""

    wall_ns = 0


class Outputs:
    """The summaries of one run.

    Args:
        taker: gets each output too, also those of warm-up, which are not summarised.
        rss: resident memory; what the taker leaves of it is no growth of the stages around. Read with a taker only.
    """

    def __init__(
        self, clock: Clock, taker: OutputTaker | None = None, rss: Callable[[], int | None] | None = None
    ) -> None:
        self._clock = clock
        self._rss = rss if taker is not None else None
        self.taker = taker
        self.summaries: list[OutputSummary] = []
        self.cost_ns = 0  # of summarising
        self.saving_ns = 0  # of the taker
        self._counted = True
        self._done: set[int] = set()
        self._gave_up = False
        self._still: set[int] = set()  # threads whose clocks stand still

    def begin_sample(self, *, counted: bool = True) -> None:
        """Outputs are of another sample from now on; `counted` ones are summarised."""
        self._done.clear()
        self._counted = counted

    def take(self, handed: list[tuple[Any, Any]], sample_id: str | None) -> None:
        """Take values by the stages that handed them over, the first of each stage on this sample."""
        for span, value in handed:
            if span.number in self._done:
                continue
            self._done.add(span.number)
            summary = self._summarised(span, value, sample_id) if self._counted and not self._gave_up else None
            if self.taker is not None:
                started_ns = self._clock.wall_ns()
                self._passed_on(span.name, sample_id, value, None if summary is None else summary.digest)
                self.saving_ns += self._clock.wall_ns() - started_ns

    def _summarised(self, span: Any, value: Any, sample_id: str | None) -> OutputSummary | None:
        try:
            summary = summarise(value, stage=span.name, sample_id=sample_id)
        except Exception as error:  # noqa: BLE001 - whatever an output does when it is looked at, the run goes on
            self._gave_up = True
            warn(f"outputs are no longer summarised: {type(error).__name__}: {error}")
            return None
        self.summaries.append(summary)
        return summary

    def _passed_on(self, stage: str, sample_id: str | None, value: Any, digest: str | None) -> None:
        try:
            assert self.taker is not None
            self.taker(stage, sample_id, value, digest)
        except Exception as error:  # noqa: BLE001 - whoever takes it, the run goes on
            self.taker = None
            warn(f"outputs are no longer saved: {type(error).__name__}: {error}")

    def take_off_the_clock(self, handed: list[tuple[Any, Any]], sample_id: str | None, around: Any) -> None:
        """Take them while the clocks of the spans that are still open around stand still.

        `around` is the innermost of them, None if there is none. The spans' starts are moved instead of their clocks.
        """
        saving_ns = self.saving_ns
        with self.stopped(around) as stopped:
            self.take(handed, sample_id)
        self.cost_ns += stopped.wall_ns - (self.saving_ns - saving_ns)

    @contextmanager
    def saving(self, around: Any) -> Iterator[None]:
        """What is done inside is told as the taker's cost, and is off the clocks of the spans that are open around."""
        stopped = Stopped()
        try:
            with self.stopped(around) as stopped:
                yield
        finally:
            self.saving_ns += stopped.wall_ns

    @contextmanager
    def stopped(self, around: Any) -> Iterator[Stopped]:
        """What is done inside is off the clocks of the spans that are open around; one inside of another adds nothing.

        `around` is the innermost of them, None if there is none.
        """
        stopped, thread = Stopped(), get_ident()
        if thread in self._still:
            yield stopped
            return
        before = self._read()
        try:
            self._still.add(thread)
            yield stopped
        finally:
            self._still.discard(thread)
            stopped.wall_ns = self._put_back(before, around)

    def _read(self) -> tuple[int, int, int, int | None]:
        clock = self._clock
        rss = None if self._rss is None else self._rss()
        return clock.wall_ns(), clock.cpu_ns(), clock.process_cpu_ns(), rss

    def _put_back(self, before: tuple[int, int, int, int | None], around: Any) -> int:
        """Move the starts of the open spans by what has passed since; return the nanoseconds of it."""
        clock = self._clock
        wall_before, cpu_before, process_before, rss_before = before
        process, cpu = clock.process_cpu_ns() - process_before, clock.cpu_ns() - cpu_before
        rss_now = None if self._rss is None else self._rss()
        left = 0 if rss_before is None or rss_now is None else rss_now - rss_before
        wall = clock.wall_ns() - wall_before
        for _ in range(_MOST_OPEN):  # a span entered twice may be its own ancestor
            if around is None:
                break
            if hasattr(around, "start_ns"):
                around.start_ns += wall
            if isinstance(around, ClockedSpan):
                around.cpu_ns += cpu
                around.process_cpu_ns += process
            elif isinstance(around, DetailedSpan):
                rss, usage, process_start, cpu_start = around.before
                rss = rss if rss is None else rss + left
                around.before = (rss, usage, process_start + process, cpu_start + cpu)
            around = around.parent
        return wall
