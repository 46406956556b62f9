"""An NVML as a test sets it, under the names of the real bindings, with the real bindings' errors."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml as real
import pytest

from pytest_vizart.profiling.gpu import device as gpu_device

NOT_AVAILABLE = 2**64 - 1


@dataclass
class FakeGpu:
    name: str | bytes = "NVIDIA H200"
    uuid: str = "GPU-5f8e1f7a-0000-1111-2222-333344445555"
    bus: str = "00000000:3B:00.0"
    total: int = 150_000_000_000
    used: int = 4_000_000_000
    busy_percent: int = 40
    clock_mhz: int = 1_980
    temperature_c: int = 61
    reasons: int = 0
    processes: list[tuple[int, int | None]] = field(default_factory=lambda: [(os.getpid(), 900_000_000)])


class FakeNvml:
    """Build the module with `module()`, and put it into `sys.modules` as `pynvml`."""

    def __init__(self, *gpus: FakeGpu, driver: str | bytes = "550.54.15") -> None:
        self.gpus = list(gpus)
        self.driver = driver
        self.opened = self.shut = 0
        self.failing: dict[str, BaseException] = {}
        self.asked: list[str] = []

    def fail(self, name: str, error: int | BaseException) -> None:
        """Let a function fail from now on: with an NVML error code, or with an exception of its own."""
        self.failing[name] = real.NVMLError(error) if isinstance(error, int) else error

    def lose(self) -> None:
        """The GPU falls off the bus: every question to it fails."""
        for name in FUNCTIONS:
            if name.startswith("nvmlDeviceGet"):
                self.fail(name, real.NVML_ERROR_GPU_IS_LOST)

    def module(self) -> ModuleType:
        module: Any = ModuleType("pynvml")
        for name in vars(real):
            if name.startswith(("NVMLError", "NVML_ERROR", "NVMLLibrary")):
                setattr(module, name, getattr(real, name))
        for name in FUNCTIONS:
            setattr(module, name, self._guarded(name))
        return module

    def _guarded(self, name: str) -> Any:
        function = getattr(self, name)

        def call(*arguments: Any) -> Any:
            self.asked.append(name)
            if name in self.failing:
                raise self.failing[name]
            if name != "nvmlInit" and self.opened <= self.shut:
                raise real.NVMLError(real.NVML_ERROR_UNINITIALIZED)
            return function(*arguments)

        return call

    def nvmlInit(self) -> None:
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.shut += 1

    def nvmlSystemGetDriverVersion(self) -> str | bytes:
        return self.driver

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:
        if not 0 <= index < len(self.gpus):
            raise real.NVMLError(real.NVML_ERROR_INVALID_ARGUMENT)
        return self.gpus[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeGpu:
        return self._by("uuid", uuid)

    def nvmlDeviceGetHandleByPciBusId(self, bus: str) -> FakeGpu:
        return self._by("bus", bus)

    def nvmlDeviceGetUUID(self, gpu: FakeGpu) -> str:
        return gpu.uuid

    def nvmlDeviceGetName(self, gpu: FakeGpu) -> str | bytes:
        return gpu.name

    def nvmlDeviceGetUtilizationRates(self, gpu: FakeGpu) -> Any:
        return SimpleNamespace(gpu=gpu.busy_percent, memory=0)

    def nvmlDeviceGetMemoryInfo(self, gpu: FakeGpu) -> Any:
        return SimpleNamespace(total=gpu.total, free=gpu.total - gpu.used, used=gpu.used)

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: FakeGpu) -> list[Any]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in gpu.processes]

    def nvmlDeviceGetComputeRunningProcesses_v2(self, gpu: FakeGpu) -> list[Any]:
        return self.nvmlDeviceGetComputeRunningProcesses(gpu)

    def nvmlDeviceGetClockInfo(self, gpu: FakeGpu, clock: int) -> int:
        assert clock == real.NVML_CLOCK_SM
        return gpu.clock_mhz

    def nvmlDeviceGetTemperature(self, gpu: FakeGpu, sensor: int) -> int:
        assert sensor == real.NVML_TEMPERATURE_GPU
        return gpu.temperature_c

    def nvmlDeviceGetCurrentClocksEventReasons(self, gpu: FakeGpu) -> int:
        return gpu.reasons

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, gpu: FakeGpu) -> int:
        return gpu.reasons

    def _by(self, field_name: str, value: str) -> FakeGpu:
        for gpu in self.gpus:
            if getattr(gpu, field_name) == value:
                return gpu
        raise real.NVMLError(real.NVML_ERROR_NOT_FOUND)


FUNCTIONS = tuple(name for name in vars(FakeNvml) if name.startswith("nvml"))


def install(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml) -> FakeNvml:
    """Let the package find this NVML, all of its GPUs visible, and nothing of what an earlier test opened."""
    monkeypatch.setitem(sys.modules, "pynvml", nvml.module())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpu_device, "_opened", {})
    monkeypatch.setattr(gpu_device.atexit, "register", lambda function: None)
    return nvml
