"""Probes: what is read at both edges of a stage, beside the clocks. One small class per source, chosen once per run.

A probe that fails in mid-run goes silent with one warning; the stages go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from pytest_vizart.errors import warn

Usage = tuple[int, int, int]
"""Minor page faults, voluntary and involuntary context switches of the calling thread, since it began."""


class MemoryProbe(Protocol):
    """Resident memory of the process."""

    def rss_bytes(self) -> int | None: ...

    def close(self) -> None: ...


class ProcMemory:
    """Linux: resident pages out of /proc/self/statm, through a descriptor that stays open (0.7 µs a read)."""

    def __init__(self) -> None:
        self._descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._pid = os.getpid()

    def rss_bytes(self) -> int | None:
        return int(os.pread(self._descriptor, 64, 0).split(None, 2)[1]) * self._page_bytes

    def close(self) -> None:
        os.close(self._descriptor)


class PsutilMemory:
    """macOS, Windows, and Linux without /proc."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()

    def rss_bytes(self) -> int | None:
        return int(self._process.memory_info().rss)

    def close(self) -> None:
        pass


class NoMemory:
    """Level `basic`, or a machine that tells nothing."""

    def rss_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        pass


class SilencedMemory:
    """Wraps a probe: its first failure is warned of by name, and from then on it reads None."""

    def __init__(self, probe: MemoryProbe) -> None:
        self._probe: MemoryProbe = probe

    def rss_bytes(self) -> int | None:
        try:
            return self._probe.rss_bytes()
        except Exception as error:  # noqa: BLE001 - whatever the probe does, the pipeline goes on
            warn(f"memory is no longer measured: {type(self._probe).__name__} failed with {error!r}")
            self._probe = NoMemory()
            return None

    def close(self) -> None:
        with suppress(OSError):  # the descriptor is gone already, which the first failed read has said
            self._probe.close()


def memory_probe() -> MemoryProbe:
    """Return the best probe of this machine."""
    for kind in (ProcMemory, PsutilMemory):
        try:
            probe: MemoryProbe = kind()
            probe.rss_bytes()
        except Exception:  # noqa: BLE001 - the next probe is the answer to any failure of this one
            continue
        return SilencedMemory(probe)
    return NoMemory()


def usage_reader() -> Callable[[], Usage | None]:
    """Return a function that reads the thread's faults and switches, or one that returns None."""
    try:
        import resource
    except ImportError:  # Windows
        return _no_usage
    who = getattr(resource, "RUSAGE_THREAD", None)
    if who is None:  # macOS knows the process only, which would blame a stage for other threads
        return _no_usage
    getrusage = resource.getrusage

    def usage() -> Usage:
        values = getrusage(who)
        return values.ru_minflt, values.ru_nvcsw, values.ru_nivcsw

    return usage


def _no_usage() -> Usage | None:
    return None
