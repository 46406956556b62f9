"""Probes: what is read at both edges of a stage, beside the clocks. One small class per source, chosen once per run.

A probe that fails in mid-run goes silent with one warning; the stages go on.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from pytest_vizart.errors import warn

Usage = Sequence[Any]
"""Like `resource.struct_rusage`: item 6 minor page faults, 14 and 15 voluntary and involuntary context switches."""

_NO_USAGE = (0,) * 16


class MemoryProbe(Protocol):
    """Resident memory of the process."""

    def rss_bytes(self) -> int: ...

    def close(self) -> None: ...


class EdgeProbe(Protocol):
    """What takes longer to read, at both edges of a span. Spans nest, run in several threads, and may never end."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a SpanTable that it fills: one of the groups of a span's record."""
        ...

    def start(self) -> Any:
        """Called before the span's clock starts."""
        ...

    def settle(self) -> None:
        """Called before the span's clock stops: wait for asynchronous work."""
        ...

    def stop(self, begun: Any) -> tuple[int | None, ...]:
        """Called after the span's clock stopped, with what `start` returned; one value per column."""
        ...

    def close(self) -> None: ...


class ProcMemory:
    """Linux: resident pages out of /proc/self/statm, through a descriptor that stays open (0.7 µs a read)."""

    def __init__(self) -> None:
        # The descriptor goes on telling of the process that opened it: a forked one needs a probe of its own.
        self._descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def rss_bytes(self) -> int:
        return int(os.pread(self._descriptor, 64, 0).split(None, 2)[1]) * self._page_bytes

    def close(self) -> None:
        os.close(self._descriptor)


class PsutilMemory:
    """macOS, Windows, and Linux without /proc."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()

    def rss_bytes(self) -> int:
        import psutil

        try:
            return int(self._process.memory_info().rss)
        except psutil.Error as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        pass


def memory_probe() -> MemoryProbe | None:
    """Return the best probe of this machine, None if it tells nothing."""
    for kind in (ProcMemory, PsutilMemory):
        try:
            probe: MemoryProbe = kind()
            probe.rss_bytes()
        except Exception:  # noqa: BLE001 - the next probe is the answer to any failure of this one
            continue
        return probe
    return None


def silenced(probe: MemoryProbe) -> Callable[[], int | None]:
    """Return a function that reads the probe; its first failure is warned of by name, from then on it reads None."""
    read: Callable[[], int] | None = probe.rss_bytes

    def rss() -> int | None:
        nonlocal read
        try:
            return read()  # type: ignore[misc]
        except TimeoutError:  # of the pipeline's own: a signal struck here
            raise
        except (OSError, ValueError, IndexError, TypeError) as error:
            if read is not None:
                read = None
                warn(f"memory is no longer measured: {type(probe).__name__} failed with {error!r}")
            return None

    return rss


def usage_reader() -> Callable[[], Usage] | None:
    """Return a function that reads the thread's faults and switches, None where the system tells none."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    who = getattr(resource, "RUSAGE_THREAD", None)
    if who is None:  # macOS knows the process only, which would blame a stage for other threads
        return None
    return functools.partial(resource.getrusage, who)


def no_usage() -> Usage:
    return _NO_USAGE


class ExactPeak:
    """Linux: the kernel's own high-water mark of resident memory, reset when a span begins (`clear_refs`, `VmHWM`).

    Opt-in, because it resets the `ru_maxrss` of the process too. An inner span's reset would hide the peak of those
    around it and beside it, so the mark is worked into all open spans before.
    """

    columns = ("rss_peak",)
    exact = True

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self._status)
            raise
        self._open: list[list[int]] = []
        self.forget()
        self._mark()

    def start(self) -> list[int]:
        self._raise_open()
        begun = [0]
        self._open.append(begun)
        self.forget()
        return begun

    def settle(self) -> None:
        pass

    def stop(self, begun: list[int]) -> tuple[int | None, ...]:
        self._raise_open()
        # By identity: two spans with the same peak are equal lists. One may have been dropped already.
        self._open[:] = [other for other in self._open if other is not begun]
        return (begun[0],)

    def forget(self) -> None:
        """Let the mark fall to what is resident now: what profiling itself used meanwhile is not the stage's."""
        os.pwrite(self._reset, b"5", 0)

    def close(self) -> None:
        for descriptor in (self._status, self._reset):
            with suppress(OSError):
                os.close(descriptor)

    def _raise_open(self) -> None:
        mark = self._mark()
        for begun in self._open:
            begun[0] = max(begun[0], mark)

    def _mark(self) -> int:
        text = os.pread(self._status, 4_096, 0)
        start = text.index(b"VmHWM:") + 6
        return int(text[start : text.index(b"kB", start)]) * 1_024


class IoBytes:
    """Linux: bytes that the process moved through read and write calls, page cache included (`/proc/self/io`)."""

    columns = ("read_bytes", "written_bytes")

    def __init__(self) -> None:
        self._descriptor = os.open("/proc/self/io", os.O_RDONLY | os.O_CLOEXEC)
        self._read()

    def start(self) -> tuple[int, int]:
        read, written, own = self._read()
        return read + own, written

    def settle(self) -> None:
        pass

    def stop(self, begun: tuple[int, int]) -> tuple[int | None, ...]:
        read, written, _ = self._read()
        return read - begun[0], written - begun[1]

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._descriptor)

    def _read(self) -> tuple[int, int, int]:
        """Bytes read and written before this call, and how many it reads itself, which count from the next one on."""
        text = os.pread(self._descriptor, 512, 0)
        lines = text.split(b"\n", 2)
        return int(lines[0].split()[1]), int(lines[1].split()[1]), len(text)


def exact_peak_probe() -> ExactPeak | None:
    """Return the probe of the exact peak, None where the kernel does not offer it."""
    try:
        return ExactPeak()
    except (OSError, ValueError):
        return None


def io_probe() -> IoBytes | None:
    """Return the probe of read and written bytes, None where the system does not tell them."""
    try:
        return IoBytes()
    except (OSError, ValueError, IndexError):
        return None
