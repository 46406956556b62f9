"""A torch with GPUs as a test sets them: allocator with peaks, streams that run behind, events, counted waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any


@dataclass
class FakeDevice:
    """Work is queued in milliseconds; the device has done it when it is waited for."""

    uuid: str = "5f8e1f7a-0000-1111-2222-333344445555"
    context: bool = False
    allocated: int = 0
    peak: int = 0
    reserved: int = 0
    reserved_peak: int = 0
    done_ms: float = 0.0
    queued_ms: float = 0.0
    waits: int = 0
    resets: int = 0
    failing: set[str] = field(default_factory=set)


class FakeTorch:
    """Build the modules with `modules()`, and put them into `sys.modules`."""

    def __init__(self, devices: int = 1, *, initialized: bool = True, primary_context: bool = True) -> None:
        self.devices = [FakeDevice() for _ in range(devices)]
        self.initialized = initialized
        self.current = 0
        self.capture = False
        self.failing: dict[str, BaseException] = {}
        self._primary_context = primary_context

    def allocate(self, size: int, device: int = 0) -> None:
        self.initialized = True
        fake = self.devices[device]
        fake.context = True
        fake.allocated += size
        fake.peak = max(fake.peak, fake.allocated)
        fake.reserved = max(fake.reserved, fake.allocated)
        fake.reserved_peak = max(fake.reserved_peak, fake.reserved)

    def free(self, size: int, device: int = 0) -> None:
        self.devices[device].allocated -= size

    def launch(self, milliseconds: float, device: int = 0) -> None:
        """Queue a kernel: returns at once, as CUDA does."""
        self.initialized = self.devices[device].context = True
        self.devices[device].queued_ms += milliseconds

    def modules(self) -> dict[str, ModuleType]:
        torch: Any = ModuleType("torch")
        torch.cuda = cuda = self._cuda()
        torch._C = SimpleNamespace()
        if self._primary_context:
            torch._C._cuda_hasPrimaryContext = lambda device: self.devices[device].context
        return {"torch": torch, "torch.cuda": cuda}

    def _cuda(self) -> Any:
        cuda: Any = ModuleType("torch.cuda")
        cuda.is_initialized = lambda: self.initialized
        cuda.device_count = lambda: len(self.devices)
        cuda.current_device = lambda: self.current
        cuda.current_stream = lambda device: self.devices[device]
        cuda.get_device_properties = lambda device: SimpleNamespace(uuid=self.devices[device].uuid)
        cuda.is_current_stream_capturing = lambda: self.capture
        cuda.synchronize = self._synchronize
        cuda.memory_stats_as_nested_dict = self._stats
        cuda.reset_peak_memory_stats = self._reset
        cuda.Event = lambda enable_timing: _FakeEvent(self)
        return cuda

    def check(self, name: str) -> None:
        if name in self.failing:
            raise self.failing[name]

    def _synchronize(self, device: int) -> None:
        self.check("synchronize")
        fake = self.devices[device]
        assert fake.context, "waiting for a device that is not in use makes a context there"
        assert not self.capture, "waiting during a capture destroys it"
        fake.waits += 1
        fake.done_ms += fake.queued_ms
        fake.queued_ms = 0.0

    def _stats(self, device: int) -> dict[str, Any]:
        self.check("memory_stats_as_nested_dict")
        fake = self.devices[device]
        return {
            "allocated_bytes": {"all": {"current": fake.allocated, "peak": fake.peak, "allocated": 0, "freed": 0}},
            "reserved_bytes": {"all": {"current": fake.reserved, "peak": fake.reserved_peak}},
        }

    def _reset(self, device: int) -> None:
        fake = self.devices[device]
        fake.resets += 1
        fake.peak, fake.reserved_peak = fake.allocated, fake.reserved


class _FakeEvent:
    def __init__(self, torch: FakeTorch) -> None:
        self._torch = torch

    def record(self, stream: FakeDevice) -> None:
        self._torch.check("record")
        self.device = stream
        self.at_ms = stream.done_ms + stream.queued_ms

    def elapsed_time(self, end: _FakeEvent) -> float:
        self._torch.check("elapsed_time")
        assert end.device is self.device
        assert end.at_ms <= end.device.done_ms, "the event has not been passed yet"
        return end.at_ms - self.at_ms


class FakeCupy:
    """A cupy that holds memory, or not; `module()` goes into `sys.modules` as `cupy`."""

    def __init__(self, held: int = 1_000) -> None:
        self.held = held
        self.waits = 0
        self.error: Exception | None = None

    def module(self) -> ModuleType:
        cupy: Any = ModuleType("cupy")
        cupy.get_default_memory_pool = lambda: SimpleNamespace(total_bytes=self._held)
        cupy.cuda = SimpleNamespace(runtime=SimpleNamespace(deviceSynchronize=self._wait))
        return cupy

    def _held(self) -> int:
        if self.error is not None:
            raise self.error
        return self.held

    def _wait(self) -> None:
        self.waits += 1
