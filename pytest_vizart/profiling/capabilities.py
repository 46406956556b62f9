"""What can be measured on this machine, and why not: each check tries the thing itself."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from pytest_vizart.profiling.gpu.device import gpu_device, gpu_status
from pytest_vizart.profiling.probes.sources import ExactPeak, IoBytes, ProcMemory, PsutilMemory, usage_reader

_COARSE_NS = 100_000


@dataclass(frozen=True, slots=True)
class Capability:
    """The answer of one check.

    text: one line without a full stop. hint: what to do where it is not `ok`, None where nothing can be done.
    """

    name: str
    ok: bool
    text: str
    hint: str | None = None


def measuring_capabilities() -> tuple[Capability, ...]:
    """Return what can be measured here. Takes some milliseconds, and resets the process's `ru_maxrss`."""
    return tuple(check() for check in _CHECKS)


def thread_cpu_clock() -> Capability:
    name = "CPU time"
    try:
        time.thread_time_ns()
        resolution_ns = round(time.get_clock_info("thread_time").resolution * 1e9)
    except (AttributeError, OSError, ValueError) as error:
        return Capability(name, False, f"this system has no clock of a thread's CPU time: {error}")
    text = f"clock of the thread, resolution {_duration(resolution_ns)}"
    if resolution_ns <= _COARSE_NS:
        return Capability(name, True, text)
    return Capability(name, False, f"{text}: too coarse for stages under {_duration(100 * resolution_ns)}")


def resident_memory() -> Capability:
    name = "memory"
    try:
        probe = ProcMemory()
    except (OSError, ValueError, AttributeError) as error:
        return _memory_by_psutil(name, f"/proc/self/statm: {error}")
    try:
        return Capability(name, True, f"resident memory from /proc/self/statm, now {probe.rss_bytes() / 1e6:.0f} MB")
    finally:
        probe.close()


def _memory_by_psutil(name: str, because: str) -> Capability:
    try:
        rss = PsutilMemory().rss_bytes()
    except Exception as error:  # noqa: BLE001 - psutil's own errors, or it is missing
        return Capability(name, False, f"{because}; psutil: {error}")
    return Capability(name, True, f"resident memory through psutil, slower (now {rss / 1e6:.0f} MB)")


def faults_and_switches() -> Capability:
    name = "page faults, context switches"
    read = usage_reader()
    if read is None:
        return Capability(name, False, "this system does not count them by thread")
    return Capability(name, True, "counted by thread (getrusage)")


def exact_peak() -> Capability:
    name = "exact memory peak"
    try:
        ExactPeak().close()
    except (OSError, ValueError, AttributeError) as error:
        return Capability(name, False, f"needs /proc/self/clear_refs and VmHWM of Linux: {error}; peaks are sampled")
    return Capability(name, True, "/proc/self/clear_refs and VmHWM; at level full, or with max_peak_mb")


def io_bytes() -> Capability:
    name = "bytes read and written"
    try:
        IoBytes().close()
    except (OSError, ValueError, IndexError, AttributeError) as error:
        return Capability(name, False, f"needs /proc/self/io of Linux: {error}")
    return Capability(name, True, "/proc/self/io; at level full")


def gpu() -> Capability:
    return Capability("GPU", gpu_device() is not None, gpu_status())


def torch() -> Capability:
    """Torch is not imported for this, which would take seconds."""
    name = "torch on the GPU"
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return Capability(name, False, "torch is not installed")
    built_for = _torch_built_for()
    if built_for is None:
        return Capability(name, False, f"torch {version} is built without CUDA")
    loaded = "loaded" if "torch" in sys.modules else "not loaded"
    text = f"torch {version} for {built_for}, {loaded}; GPU time and memory once the pipeline has initialised it"
    return Capability(name, gpu_device() is not None or built_for.startswith("ROCm"), text)


def _torch_built_for() -> str | None:
    """Read which CUDA or ROCm torch was built for out of its `version.py`."""
    place = util.find_spec("torch")
    folders = [] if place is None else list(place.submodule_search_locations or ())
    try:
        text = Path(folders[0], "version.py").read_text(encoding="utf-8", errors="replace")
    except (IndexError, OSError):
        return None
    for name, title in (("cuda", "CUDA"), ("hip", "ROCm")):
        found = re.search(rf"^{name}\b[^=\n]*=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE)
        if found:
            return f"{title} {found[1]}"
    return None


def _duration(ns: int) -> str:
    if ns < 1_000:
        return f"{ns} ns"
    return f"{ns / 1_000:g} µs" if ns < 1_000_000 else f"{ns / 1_000_000:g} ms"


_CHECKS: tuple[Callable[[], Capability], ...] = (
    thread_cpu_clock, resident_memory, faults_and_switches, exact_peak, io_bytes, gpu, torch,
)  # fmt: skip
