"""The pass of the function profile: a share of the samples once more, under a profiler, and never judged."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_vizart.profiling.functions.profiler import FunctionProfiler, function_profiler, profiled_share
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.records.profile import FlameNode


class FunctionPass:
    """The function profile of one run.

    Args:
        share: share of the samples, 0 to 1; at least one sample unless it is 0.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._profiler: FunctionProfiler | None = None
        self.samples = 0

    def chosen(self, count: int) -> Sequence[int]:
        """Return the numbers of the samples that take part, none where there is no profiler."""
        if not self._share or not count:
            return ()
        self._profiler = function_profiler()
        return () if self._profiler is None else profiled_share(count, self._share)

    def begin(self, recorder: Recorder) -> None:
        """A sample of the pass begins."""
        if not self.samples:
            recorder.profile_functions(self._profiler)
        self.samples += 1

    def end(self, recorder: Recorder) -> None:
        """The pass is over."""
        if self.samples:
            recorder.profile_functions(None)

    def flame(self) -> FlameNode | None:
        """Return where the time of the stages went, None if nothing was profiled."""
        return None if self._profiler is None else self._profiler.flame()
