"""Which of several GPUs is told of: the one that the pipeline works on, as far as that is known."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

VARIABLE = "CUDA_VISIBLE_DEVICES"


def first_visible(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the first entry of CUDA_VISIBLE_DEVICES, None if it is not set: an index, a UUID or its beginning.

    An empty text means that every GPU is hidden.
    """
    entries = environment.get(VARIABLE)
    return None if entries is None else entries.partition(",")[0].strip()


def handle_by_entry(nvml: Any, entry: str | None) -> Any:
    """Return the handle of the device that an entry of CUDA_VISIBLE_DEVICES names, None if there is no such device.

    Indices are taken in the driver's order (by PCI bus). CUDA's own is the fastest first, which differs on machines
    with unequal GPUs; what torch itself says (`handle_of_torch`) is sure.
    """
    devices = nvml.nvmlDeviceGetCount()
    if entry is None:
        return nvml.nvmlDeviceGetHandleByIndex(0) if devices else None
    if entry.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(entry)) if int(entry) < devices else None
    if entry.startswith("MIG-"):
        try:
            return nvml.nvmlDeviceGetHandleByUUID(entry)
        except nvml.NVMLError:
            return None
    if entry.startswith("GPU-"):
        for index in range(devices):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            if as_text(nvml.nvmlDeviceGetUUID(handle)).startswith(entry):
                return handle
    return None


def handle_of_torch(nvml: Any, cuda: Any, device: int) -> Any:
    """Return the handle of one of torch's devices, None if torch does not tell which one it is.

    Args:
        cuda: the module `torch.cuda`, initialised.
        device: its index as torch counts, over the visible devices only.
    """
    facts = cuda.get_device_properties(device)
    uuid = getattr(facts, "uuid", None)  # since torch 2.4
    if uuid is not None:
        for prefix in ("GPU-", "MIG-"):
            try:
                return nvml.nvmlDeviceGetHandleByUUID(f"{prefix}{uuid}")
            except nvml.NVMLError:
                continue
    bus = getattr(facts, "pci_bus_id", None)
    if isinstance(bus, int):
        address = f"{getattr(facts, 'pci_domain_id', 0):08X}:{bus:02X}:{getattr(facts, 'pci_device_id', 0):02X}.0"
        return nvml.nvmlDeviceGetHandleByPciBusId(address)
    return None


def as_text(name: str | bytes) -> str:
    """Some releases of the bindings return bytes."""
    return name.decode(errors="replace") if isinstance(name, bytes) else name
