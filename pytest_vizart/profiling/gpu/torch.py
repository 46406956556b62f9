"""The GPU at the edges of a span: waiting for its work, the time between CUDA events, the torch allocator's memory."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import Any

from pytest_vizart.errors import warn
from pytest_vizart.profiling.gpu.cuda import AllocatorReading, TorchCuda, cupy_in_use, torch_cuda

Values = tuple[int | None, ...]

_NOTHING: Values = (None, None, None, None, None)
_IDLE = object()
_LIBRARIES = frozenset({"builtins", "torch", "cupy", "cupy_backends"})
_modules = sys.modules


def gpu_in_use() -> bool:
    """Torch or cupy is loaded and works on a GPU: stages have to wait for it at their edges."""
    return torch_cuda() is not None or cupy_in_use() is not None


class TorchGpu:
    """Probe of a span's GPU time and memory, once the pipeline has initialised CUDA through torch; idle until then.

    CUDA work is asynchronous, so every edge waits for it, or the time would land in a later stage. Where cupy works
    on the GPU without torch, waiting is all that is done. ROCm's torch answers to the same names.

    gpu_ns is the time between two events, one at each edge, on the current stream: what runs on another stream that
    this one never waits for counts in the wall time only. Memory is that of the whole process: threads at the same
    time see each other's. The peak is the allocator's own, which is reset when a span begins; the peaks of the spans
    around it and beside it are kept, those that the pipeline's own code reads count from that reset.

    A span that began before CUDA was initialised started from 0 bytes and has no GPU time. Where a CUDA graph is
    captured at the beginning nothing is measured, since waiting would destroy the capture.

    A failure is warned of once, and from then on nothing is measured.
    """

    columns: tuple[str, ...] = ("gpu_ns", "gpu_before", "gpu_after", "gpu_peak", "gpu_reserved")

    def __init__(self) -> None:
        self._torch: TorchCuda | None = None
        self._silent = False
        self._pid: int | None = None  # of the process that works on the GPU
        self._open: list[weakref.ref[_OpenSpan]] = []  # weak: a span that is never closed goes with its owner
        self._lock = threading.RLock()  # re-entrant: a finaliser may close a span while this thread opens one
        self._highest = AllocatorReading(0, 0, 0)
        self._settled = threading.local()

    def start(self) -> Any:
        """Wait, and begin; returns what `stop` wants, None if this span is not to be measured."""
        if self._torch is None and "torch.cuda" not in _modules and "cupy" not in _modules:
            return _IDLE
        try:
            torch = self._in_use()
            if torch is None:
                self._synchronise_cupy()
                return _IDLE
            return None if torch.capturing() else self._begin(torch)
        except Exception as error:  # noqa: BLE001 - whatever the driver does, the pipeline goes on
            self._give_up(error)
            return None

    def settle(self) -> None:
        """Wait for the work that the span began."""
        if self._torch is None and "torch.cuda" not in _modules and "cupy" not in _modules:
            return
        try:
            torch = self._in_use()
            self._settled.events = None
            if torch is None:
                self._synchronise_cupy()
            elif not torch.capturing():
                ended = torch.record()
                torch.synchronise()
                self._settled.events = ended
        except Exception as error:  # noqa: BLE001
            self._give_up(error)

    def stop(self, begun: Any) -> Values:
        """Return the values of `columns`, None for those that are not known."""
        if begun is None or (self._torch is None and "torch.cuda" not in _modules):
            return _NOTHING
        try:
            torch = self._in_use()
            return _NOTHING if torch is None else self._end(torch, begun)
        except Exception as error:  # noqa: BLE001
            self._give_up(error)
            return _NOTHING

    def allocated(self) -> int | None:
        """Bytes that torch holds in tensors now, None where it does not use a GPU."""
        try:
            torch = self._in_use()
            return None if torch is None else torch.read().allocated
        except Exception as error:  # noqa: BLE001
            self._give_up(error)
            return None

    def close(self) -> None:
        """Measure nothing any more."""
        self._silent = True
        self._torch = None
        self._open = []

    def _in_use(self) -> TorchCuda | None:
        if self._torch is not None:
            return self._torch if self._same_process() else None
        cuda = torch_cuda()
        if cuda is None or self._silent or not self._same_process():
            return None
        self._torch = TorchCuda(cuda)
        return self._torch

    def _synchronise_cupy(self) -> None:
        if "cupy" not in _modules or self._silent:
            return
        cupy = cupy_in_use()
        if cupy is not None and self._same_process():
            cupy.cuda.runtime.deviceSynchronize()

    def _same_process(self) -> bool:
        """False after a fork: CUDA does not survive it, and a thread that the child lacks may hold the lock.

        A process that was forked off before the GPU was used may well use it.
        """
        if self._pid is None:
            self._pid = os.getpid()
        return self._pid == os.getpid()

    def _begin(self, torch: TorchCuda) -> _OpenSpan:
        torch.synchronise()
        with self._lock:
            before = self._raise_open(torch)
            torch.reset_peaks()
            begun = _OpenSpan(before.allocated)
            self._open.append(weakref.ref(begun))
        begun.events = torch.record()
        return begun

    def _end(self, torch: TorchCuda, begun: Any) -> Values:
        ended = getattr(self._settled, "events", None) or {}
        self._settled.events = None
        with self._lock:
            after = self._raise_open(torch)
            if begun is _IDLE:
                return None, 0, after.allocated, self._highest.peak, self._highest.reserved_peak
            self._open = [span for span in self._open if span() is not begun]
        gpu_ns = torch.elapsed_ns(begun.events, ended)
        return gpu_ns, begun.allocated, after.allocated, begun.peak, begun.reserved

    def _raise_open(self, torch: TorchCuda) -> AllocatorReading:
        """Work the peaks so far into all spans that are open, before a reset hides them."""
        now = torch.read()
        for reference in tuple(self._open):
            span = reference()
            if span is None:
                self._open.remove(reference)
            else:
                span.peak = max(span.peak, now.peak)
                span.reserved = max(span.reserved, now.reserved_peak)
        highest = self._highest
        self._highest = AllocatorReading(
            now.allocated, max(highest.peak, now.peak), max(highest.reserved_peak, now.reserved_peak)
        )
        return now

    def _give_up(self, error: Exception) -> None:
        if _of_the_pipeline(error):
            raise error
        if not self._silent:
            self.close()
            warn(f"the GPU is no longer measured, and no longer waited for at the edges of stages: {error!r}")


class _OpenSpan:
    """A span that has begun and not ended: what it started from, and its highest so far, bytes."""

    __slots__ = ("__weakref__", "allocated", "events", "peak", "reserved")

    def __init__(self, allocated: int) -> None:
        self.allocated = allocated
        self.peak = allocated
        self.reserved = 0
        self.events: dict[int, Any] = {}


def _of_the_pipeline(error: Exception) -> bool:
    """A signal came while we waited for the GPU, and its handler raised: that is a timeout of the test, not ours."""
    return isinstance(error, TimeoutError) or type(error).__module__.partition(".")[0] not in _LIBRARIES
