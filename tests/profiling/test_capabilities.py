from __future__ import annotations

import errno
import os
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_vizart.profiling import capabilities as tested
from pytest_vizart.profiling.capabilities import Capability, measuring_capabilities
from tests.profiling.fake_nvml import FakeGpu, FakeNvml, install


def no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, or in a hardened container."""
    opened = os.open

    def refused(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).startswith("/proc/self/"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refused)


def test_every_check_answers_once_and_in_one_line() -> None:
    capabilities = measuring_capabilities()
    names = [capability.name for capability in capabilities]
    assert names == list(dict.fromkeys(names))
    assert len(names) == 7
    assert all(capability.text and "\n" not in capability.text for capability in capabilities)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_on_linux_memory_comes_from_proc() -> None:
    assert tested.resident_memory().text.startswith("resident memory from /proc/self/statm, now ")
    assert tested.faults_and_switches().ok


def test_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proc(monkeypatch)
    assert tested.resident_memory().text.startswith("resident memory through psutil, slower")
    for check in (tested.exact_peak, tested.io_bytes):
        capability = check()
        assert not capability.ok
        assert "Permission denied" in capability.text


def test_without_any_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proc(monkeypatch)
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert not tested.resident_memory().ok


def test_without_faults_by_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "usage_reader", lambda: None)
    assert tested.faults_and_switches() == Capability(
        "page faults, context switches", False, "this system does not count them by thread"
    )


@pytest.mark.parametrize(
    ("resolution", "ok", "text"),
    [
        (1e-9, True, "clock of the thread, resolution 1 ns"),
        (1e-4, True, "clock of the thread, resolution 100 µs"),
        (0.015625, False, "clock of the thread, resolution 15.625 ms: too coarse for stages under 1562.5 ms"),
    ],
)
def test_the_cpu_clock(monkeypatch: pytest.MonkeyPatch, resolution: float, ok: bool, text: str) -> None:
    monkeypatch.setattr(time, "get_clock_info", lambda name: SimpleNamespace(resolution=resolution))
    assert tested.thread_cpu_clock() == Capability("CPU time", ok, text)


def test_a_system_without_a_cpu_clock_of_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "thread_time_ns")
    assert not tested.thread_cpu_clock().ok


def test_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml(FakeGpu()))
    assert tested.gpu() == Capability("GPU", True, "NVIDIA H200, driver 550.54.15, 150 GB")
    install(monkeypatch, FakeNvml())
    assert tested.gpu() == Capability("GPU", False, "the driver knows no GPU")


@pytest.mark.parametrize(
    ("version_file", "gpus", "ok", "text"),
    [
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", 1, False, "torch 2.9 is built without CUDA"),
        ("cuda: Optional[str] = '12.4'\nhip: Optional[str] = None\n", 1, True, "torch 2.9 for CUDA 12.4, "),
        ("cuda = '12.4'\n", 0, False, "torch 2.9 for CUDA 12.4, "),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.2'\n", 0, True, "torch 2.9 for ROCm 6.2, "),
    ],
)
def test_torch_is_known_without_importing_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version_file: str, gpus: int, ok: bool, text: str
) -> None:
    (tmp_path / "version.py").write_text(f"__version__ = '2.9'\n{version_file}", encoding="utf-8")
    monkeypatch.setattr(tested.metadata, "version", lambda name: "2.9")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(tested.util, "find_spec", lambda name: spec)
    install(monkeypatch, FakeNvml(*[FakeGpu()] * gpus))
    capability = tested.torch()
    assert (capability.ok, capability.text.startswith(text)) == (ok, True)


def test_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(tested.metadata, "version", missing)
    assert tested.torch() == Capability("torch on the GPU", False, "torch is not installed")
