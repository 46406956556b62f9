"""What the driver tells of the GPU, through NVML (nvidia-ml-py), which is imported only where there is a driver."""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_vizart.errors import warn
from pytest_vizart.profiling.gpu.choice import VARIABLE, as_text, first_visible, handle_by_entry, handle_of_torch
from pytest_vizart.profiling.gpu.cuda import torch_cuda
from pytest_vizart.records.profile import GpuReading

THROTTLE_REASONS: dict[int, str] = {
    0x04: "sw_power_cap",
    0x08: "hw_slowdown",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
}
"""Bits of NVML's clock event reasons that mean "slower than it could be"; idle and chosen clocks are left out."""

_FATAL = (
    "NVML_ERROR_UNINITIALIZED",
    "NVML_ERROR_DRIVER_NOT_LOADED",
    "NVML_ERROR_GPU_IS_LOST",
    "NVML_ERROR_RESET_REQUIRED",
    "NVML_ERROR_LIB_RM_VERSION_MISMATCH",
)
_SM_CLOCK = 1  # NVML_CLOCK_SM
_GPU_TEMPERATURE = 0  # NVML_TEMPERATURE_GPU
_LARGEST_SIZE = 2**63  # above: NVML_VALUE_NOT_AVAILABLE, which some releases of the bindings hand through

_opened: dict[int, Any] = {}
"""Process ID -> the bindings, initialised by that process."""


class GpuDevice:
    """One GPU. It is read between samples, not at the edges of stages: a reading asks the driver six times.

    `name_and_driver` enters the machine's fingerprint: "NVIDIA H200, driver 550.54", None if the driver does not tell.
    It is that of the device that the environment names, while readings follow the device that torch works on.
    """

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle
        self._pid = os.getpid()
        self._followed: int | None = None
        self._fatal = frozenset(getattr(nvml, name) for name in _FATAL if hasattr(nvml, name))
        errors = (getattr(nvml, name, None) for name in ("NVMLError", "NVMLLibraryMismatchError"))
        self._errors: tuple[type[Exception], ...] = tuple(error for error in errors if error is not None)
        self.name = self._text("nvmlDeviceGetName", handle)
        self.driver = self._text("nvmlSystemGetDriverVersion")
        self.name_and_driver: str | None = None
        if self.name and self.driver:
            # The third number of a driver is a fix that does not change what is measured.
            self.name_and_driver = f"{self.name}, driver {'.'.join(self.driver.split('.')[:2])}"

    def read(self, at_us: int) -> GpuReading:
        """Read the device at one moment, microseconds since the epoch, UTC.

        A figure that this device does not tell is None. When the device is lost, or the driver fails in a way that is
        not of one figure, that is warned of once and everything is None from then on; so it is in a process that was
        forked off, where the driver's handles are void.
        """
        if self._handle is None or os.getpid() != self._pid:
            return GpuReading(at_us)
        try:
            self._follow_torch()
            return self._reading(at_us)
        except Exception as error:  # noqa: BLE001 - whatever the driver does, the pipeline goes on
            self._handle = None
            warn(f"the GPU is no longer read: {self.name or 'the driver'} failed with {error!r}")
            return GpuReading(at_us)

    def memory_bytes(self) -> int | None:
        """Memory of the device."""
        return None if self._handle is None else self._size(self._ask("nvmlDeviceGetMemoryInfo"), "total")

    def close(self) -> None:
        """Read nothing any more. The driver's library stays open until the process ends: opening it can take 1 s."""
        self._handle = None

    def _reading(self, at_us: int) -> GpuReading:
        rates = self._ask("nvmlDeviceGetUtilizationRates")
        return GpuReading(
            at_us,
            utilisation=None if rates is None else rates.gpu / 100,
            memory_used=self._size(self._ask("nvmlDeviceGetMemoryInfo"), "used"),
            process_memory=self._process_memory(),
            sm_clock_mhz=self._ask("nvmlDeviceGetClockInfo", _SM_CLOCK),
            temperature_c=self._ask("nvmlDeviceGetTemperature", _GPU_TEMPERATURE),
            throttled=self._throttled(),
        )

    def _process_memory(self) -> int | None:
        """Memory of this process; None where the driver lists it under another ID (containers) or without a size."""
        asked = ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetComputeRunningProcesses_v2")
        for name in asked:  # drivers older than the bindings know the second
            processes = self._ask(name)
            if processes is not None:
                own = [self._size(each, "usedGpuMemory") for each in processes if each.pid == self._pid]
                # Some drivers list the processes of a container with a size of 0, which no CUDA context has.
                return sum(size for size in own if size is not None) or None
        return None

    def _throttled(self) -> tuple[str, ...]:
        # The second is the name until driver 535; the bindings will drop it.
        for name in ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
            bits = self._ask(name)
            if bits is not None:
                return tuple(reason for bit, reason in THROTTLE_REASONS.items() if bits & bit)
        return ()

    def _ask(self, name: str, *arguments: Any) -> Any:
        """Ask the device for one figure, None if it does not tell it."""
        return self._call(name, self._handle, *arguments)

    def _call(self, name: str, *arguments: Any) -> Any:
        function: Callable[..., Any] | None = getattr(self._nvml, name, None)
        if function is None:
            return None
        try:
            return function(*arguments)
        except self._errors as error:
            if getattr(error, "value", None) in self._fatal:
                raise
            return None

    def _text(self, name: str, *arguments: Any) -> str | None:
        text = self._call(name, *arguments)
        return None if text is None else as_text(text)

    @staticmethod
    def _size(holder: Any, name: str) -> int | None:
        size = getattr(holder, name, None)
        return None if size is None or not 0 <= size < _LARGEST_SIZE else int(size)

    def _follow_torch(self) -> None:
        """Turn to the device that torch works on, now that it does."""
        cuda = torch_cuda()
        if cuda is None:
            return
        device = cuda.current_device()
        if device == self._followed:
            return
        self._followed = device
        with suppress(*self._errors):
            handle = handle_of_torch(self._nvml, cuda, device)
            if handle is not None:
                self._handle = handle


def gpu_device() -> GpuDevice | None:
    """Return the GPU, None where there is none that can be asked; `gpu_status` tells why."""
    return _find()[0]


def gpu_status() -> str:
    """Return one line for people: the GPU, or why there is none."""
    device, reason = _find()
    if device is None:
        return reason
    memory = device.memory_bytes()
    size = "" if memory is None else f", {memory / 1e9:.0f} GB"
    return f"{device.name or 'a GPU without a name'}, driver {device.driver or 'unknown'}{size}"


def _find() -> tuple[GpuDevice | None, str]:
    entry = first_visible()
    if entry is not None and not entry.startswith(("GPU-", "MIG-")) and not entry.isdecimal():
        return None, f"{VARIABLE}={os.environ[VARIABLE]!r} hides every GPU"
    nvml, reason = _library()
    if nvml is None:
        return None, reason
    try:
        handle = handle_by_entry(nvml, entry)
        if handle is None:
            what = "the driver knows no GPU" if entry is None else f"{VARIABLE} names {entry}, which is not there"
            return None, what
        return GpuDevice(nvml, handle), ""
    except Exception as error:  # noqa: BLE001 - a driver that fails half-way is as good as none
        return None, f"the NVIDIA driver fails: {error}"


def _library() -> tuple[Any, str]:
    """Return the bindings, initialised once in this process, or None and why there are none."""
    opened = _opened.get(os.getpid())
    if opened is not None:
        return opened, ""
    if "pynvml" not in sys.modules and not _driver_installed():
        return None, "no NVIDIA driver"
    try:
        import pynvml
    except Exception as error:  # noqa: BLE001 - not installed, or it warns where warnings are errors
        return None, f"an NVIDIA driver, but nvidia-ml-py cannot be imported: {error}"
    try:
        pynvml.nvmlInit()
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no GPU to be asked
        return None, f"the NVIDIA driver does not start: {error}"
    if not _opened:
        atexit.register(_shut_down)
    _opened[os.getpid()] = pynvml
    return pynvml, ""


def _driver_installed() -> bool:
    """Look for the driver's library: 0.1 ms where there is none, and the bindings need not be imported (20 ms)."""
    if sys.platform == "win32":
        return Path(os.environ.get("WINDIR", "C:/Windows"), "System32", "nvml.dll").exists()
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    return True


def _shut_down() -> None:
    nvml = _opened.pop(os.getpid(), None)  # a process that was forked off has not opened what it would close
    if nvml is not None:
        with suppress(Exception):
            nvml.nvmlShutdown()
