from __future__ import annotations

import platform
from collections.abc import Iterator

import pynvml as real
import pytest

from pytest_vizart.profiling import machine as tested
from pytest_vizart.profiling.machine import describe_machine
from tests.profiling.fake_nvml import FakeGpu, FakeNvml, install

WITHOUT_GPU = "b8e8cdb139e2154c"


@pytest.fixture(autouse=True)
def this_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A CPU, 8 cores, 16 GB, Python 3.11, no GPU."""
    monkeypatch.setattr(tested, "_cpu_name", lambda: "A CPU")
    monkeypatch.setattr(tested, "_memory_gb", lambda: 16)
    monkeypatch.setattr(tested.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(platform, "python_version_tuple", lambda: ("3", "11", "7"))
    install(monkeypatch, FakeNvml())
    describe_machine.cache_clear()
    yield
    describe_machine.cache_clear()


def fingerprint(monkeypatch: pytest.MonkeyPatch, nvml: FakeNvml) -> str:
    install(monkeypatch, nvml)
    describe_machine.cache_clear()
    return describe_machine().fingerprint


def test_without_a_gpu_the_fingerprint_is_what_it_always_was() -> None:
    machine = describe_machine()
    assert machine.gpu is None
    assert machine.fingerprint == WITHOUT_GPU


def test_a_gpu_is_named_and_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    h200 = fingerprint(monkeypatch, FakeNvml(FakeGpu()))
    assert describe_machine().gpu == "NVIDIA H200, driver 550.54"
    t4 = fingerprint(monkeypatch, FakeNvml(FakeGpu(name="Tesla T4")))
    newer = fingerprint(monkeypatch, FakeNvml(FakeGpu(), driver="570.10.01"))
    assert len({WITHOUT_GPU, h200, t4, newer}) == 4
    assert fingerprint(monkeypatch, FakeNvml(FakeGpu(busy_percent=99, used=0), driver="550.54.16")) == h200


def test_a_driver_that_fails_half_way_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeGpu())
    nvml.lose()
    assert fingerprint(monkeypatch, nvml) == WITHOUT_GPU
    nvml = FakeNvml(FakeGpu())
    nvml.fail("nvmlSystemGetDriverVersion", real.NVML_ERROR_UNKNOWN)
    assert fingerprint(monkeypatch, nvml) == WITHOUT_GPU


def test_the_driver_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(FakeGpu())
    fingerprint(monkeypatch, nvml)
    asked = len(nvml.asked)
    assert describe_machine().gpu is not None
    assert len(nvml.asked) == asked
