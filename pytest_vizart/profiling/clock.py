"""The clocks of a run, as one object that tests can replace."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Nanosecond clocks. Only differences of the first three mean anything."""

    def wall_ns(self) -> int: ...

    def cpu_ns(self) -> int:
        """CPU time of the calling thread."""
        ...

    def process_cpu_ns(self) -> int: ...

    def epoch_us(self) -> int:
        """Microseconds since 1970, UTC."""
        ...


class SystemClock:
    """The real clocks. The functions are class attributes, so that a call costs no Python frame."""

    wall_ns = staticmethod(time.perf_counter_ns)
    cpu_ns = staticmethod(time.thread_time_ns)
    process_cpu_ns = staticmethod(time.process_time_ns)

    @staticmethod
    def epoch_us() -> int:
        # The time of day is read once for a process: set back meanwhile, it would turn the order of runs around.
        return (_AT_START_NS + _running_ns()) // 1_000


def _running_ns() -> int:
    """Nanoseconds that no clock which is set moves; those asleep count where the system tells them."""
    return time.clock_gettime_ns(_BOOT_CLOCK) if _BOOT_CLOCK is not None else time.monotonic_ns()


_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)
_AT_START_NS = time.time_ns() - _running_ns()
