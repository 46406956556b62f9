"""What a run is measured on."""

from __future__ import annotations

import functools
import hashlib
import math
import os
import platform
from importlib import metadata
from pathlib import Path

from pytest_vizart.profiling.gpu.device import gpu_device
from pytest_vizart.records.run import Machine

_KEY_LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-image",
    "opencv-python",
    "opencv-python-headless",
    "Pillow",
    "torch",
    "onnxruntime",
    "tensorflow",
)


@functools.cache
def describe_machine() -> Machine:
    """Return this machine.

    Only stable fields enter the fingerprint: an unstable one would split the history for nothing. The GPU is among
    them only where there is one.
    """
    cpu, cores, memory_gb = _cpu_name(), os.cpu_count() or 1, _memory_gb()
    system = f"{platform.system()} {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    minor = ".".join(platform.python_version_tuple()[:2])
    gpu = _gpu()
    stable = (cpu, str(cores), str(memory_gb), system, minor, *(() if gpu is None else (gpu,)))
    return Machine(
        fingerprint=hashlib.blake2b("\n".join(stable).encode(), digest_size=8).hexdigest(),
        cpu=cpu,
        cores=cores,
        memory_gb=memory_gb,
        system=system,
        python=python,
        gpu=gpu,
        libraries=_library_versions(),
    )


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return " ".join(value.split())
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine() or "unknown"


def _memory_gb() -> int:
    """Memory class: the nearest of 1, 1.5, 2, 3, 4, 6, 8, 12, ... GB, since the kernel's own share varies."""
    import psutil

    gigabytes = float(psutil.virtual_memory().total) / 2**30
    classes: list[float] = [whole * 2.0**power for power in range(16) for whole in (1.0, 1.5)]

    def distance(each: float) -> float:
        return abs(math.log(each / max(gigabytes, 0.1)))

    nearest: float = min(classes, key=distance)
    return round(nearest)


def _gpu() -> str | None:
    device = gpu_device()
    return None if device is None else device.name_and_driver


def _library_versions() -> dict[str, str]:
    versions = {}
    for name in _KEY_LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
