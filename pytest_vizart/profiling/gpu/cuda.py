"""What is asked of torch and cupy about the GPU, when the pipeline has loaded them. They are never imported here.

Asking must not change what the pipeline does: nothing here initialises CUDA or makes a context on a device (about
0.5 GB each), and `torch.cuda.is_available()` is not called, because it can spoil CUDA for processes forked later.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

_modules = sys.modules


class AllocatorReading(NamedTuple):
    """What the torch allocator holds on all devices together, bytes. Peaks count from the last reset.

    With several devices the peaks are the sums of each one's own, which need not have come at the same moment.
    """

    allocated: int
    peak: int
    reserved_peak: int


def torch_cuda() -> Any:
    """Return the module `torch.cuda` if the pipeline has initialised CUDA through it, None otherwise.

    None too in a process that was forked off after that, where CUDA cannot be used, and while torch is being imported.
    """
    cuda = _modules.get("torch.cuda")
    is_initialized = getattr(cuda, "is_initialized", None)
    return cuda if is_initialized is not None and is_initialized() else None


def cupy_in_use() -> Any:
    """Return the module `cupy` if it holds memory on the current device, None otherwise."""
    cupy = _modules.get("cupy")
    if cupy is None:
        return None
    try:
        return cupy if cupy.get_default_memory_pool().total_bytes() > 0 else None
    except Exception:  # noqa: BLE001 - cupy is loaded on a machine without a GPU, or still being imported
        return None


class TorchCuda:
    """The devices that torch uses in this process.

    Args:
        cuda: the module `torch.cuda`, initialised.
    """

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda
        self._has_context = getattr(_modules["torch"]._C, "_cuda_hasPrimaryContext", None)
        self._used: tuple[int, ...] = ()
        self._unused = tuple(range(cuda.device_count()))

    def devices(self) -> tuple[int, ...]:
        """Indices of the devices that have a context: only those can have work under way."""
        if self._unused:
            found = tuple(device for device in self._unused if self._in_use(device))
            if found:
                self._used = tuple(sorted({*self._used, *found}))
                self._unused = tuple(device for device in self._unused if device not in found)
        return self._used

    def capturing(self) -> bool:
        """A CUDA graph is being captured on the current stream: a synchronise would destroy it."""
        asked = getattr(self._cuda, "is_current_stream_capturing", None)
        return asked is not None and bool(asked())

    def synchronise(self) -> None:
        """Wait for all streams of the devices in use."""
        for device in self.devices():
            self._cuda.synchronize(device)

    def read(self) -> AllocatorReading:
        allocated = peak = reserved = 0
        for device in self.devices():
            # The flat form of these numbers, memory_stats(), sorts 200 keys at every call.
            stats = self._cuda.memory_stats_as_nested_dict(device)
            held = stats["allocated_bytes"]["all"]
            allocated += held["current"]
            peak += held["peak"]
            reserved += stats["reserved_bytes"]["all"]["peak"]
        return AllocatorReading(allocated, peak, reserved)

    def reset_peaks(self) -> None:
        """Let the peaks fall to what is held now."""
        for device in self.devices():
            self._cuda.reset_peak_memory_stats(device)

    def record(self) -> dict[int, Any]:
        """Put an event into the current stream of each device in use."""
        events = {}
        for device in self.devices():
            event = self._cuda.Event(enable_timing=True)
            event.record(self._cuda.current_stream(device))
            events[device] = event
        return events

    @staticmethod
    def elapsed_ns(started: dict[int, Any], ended: dict[int, Any]) -> int | None:
        """Return the time between events that the devices have passed; of several devices, the longest.

        None where there is nothing to compare: no device was in use at the start, or one more came into use meanwhile.
        """
        if not started or started.keys() != ended.keys():
            return None
        elapsed_ms: float = max(started[device].elapsed_time(ended[device]) for device in started)
        return round(elapsed_ms * 1e6)

    def _in_use(self, device: int) -> bool:
        if self._has_context is not None:
            return bool(self._has_context(device))
        # Not a public function: without it, a device is in use once torch took memory from it.
        stats = self._cuda.memory_stats_as_nested_dict(device)
        return bool(stats["reserved_bytes"]["all"]["current"])
