"""The GPU beside a run: the probe of its stages once it is in use, and what the driver tells between samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_vizart.profiling.gpu.device import GpuDevice, gpu_device
from pytest_vizart.profiling.gpu.torch import TorchGpu, gpu_in_use
from pytest_vizart.records.profile import GpuReading

if TYPE_CHECKING:
    from pytest_vizart.profiling.recording.recorder import Recorder

_INTERVAL_US = {"detailed": 1_000_000, "full": 200_000}  # a reading takes some tenths of a millisecond


class GpuFollower:
    """What one run knows of the GPU; nothing on a machine without one."""

    def __init__(self, profile: str) -> None:
        self.readings: list[GpuReading] = []
        self._interval_us = _INTERVAL_US.get(profile)
        self._device: GpuDevice | None = None if self._interval_us is None else gpu_device()
        self._probe: TorchGpu | None = None

    def between_samples(self, recorder: Recorder) -> None:
        """Look whether the GPU came into use, and read the device now and then."""
        if self._interval_us is None:
            return
        if self._probe is None and gpu_in_use():
            self._probe = TorchGpu()
            recorder.add_probe(self._probe)
        if self._device is not None:
            now_us = recorder.clock.epoch_us()
            if not self.readings or now_us - self.readings[-1].at_us >= self._interval_us:
                self.readings.append(self._device.read(now_us))

    def allocated(self) -> int | None:
        """Bytes that torch holds in tensors on the GPU."""
        return None if self._probe is None else self._probe.allocated()

    def process_memory(self) -> int | None:
        """Bytes that this process held on the device at the last reading."""
        return self.readings[-1].process_memory if self.readings else None

    def close(self) -> None:
        if self._device is not None:
            self._device.close()
            self._device = None
