from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pynvml as real
import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.profiling.gpu import device as tested
from pytest_vizart.profiling.gpu.device import GpuDevice, gpu_device, gpu_status
from pytest_vizart.records.profile import GpuReading
from tests.profiling.fake_nvml import FUNCTIONS, NOT_AVAILABLE, FakeGpu, FakeNvml, install
from tests.profiling.fake_torch import FakeTorch

FIRST = FakeGpu(uuid="GPU-aaaa1111-0000", used=1)
SECOND = FakeGpu(uuid="GPU-bbbb2222-0000", bus="00000000:5E:00.0", used=2)


def device_of(monkeypatch: pytest.MonkeyPatch, *gpus: FakeGpu) -> tuple[FakeNvml, GpuDevice]:
    nvml = install(monkeypatch, FakeNvml(*(gpus or (FakeGpu(),))))
    device = gpu_device()
    assert device is not None
    return nvml, device


def test_the_fake_has_the_real_names() -> None:
    assert len(FUNCTIONS) == 17
    for name in FUNCTIONS:
        assert callable(getattr(real, name))


def test_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    _, device = device_of(monkeypatch)
    assert device.read(7) == GpuReading(7, 0.4, 4_000_000_000, 900_000_000, 1_980, 61, ())


@pytest.mark.parametrize(
    ("reasons", "throttled"),
    [
        (real.nvmlClocksEventReasonGpuIdle, ()),
        (real.nvmlClocksEventReasonApplicationsClocksSetting | real.nvmlClocksEventReasonSyncBoost, ()),
        (real.nvmlClocksEventReasonSwPowerCap, ("sw_power_cap",)),
        (real.nvmlClocksEventReasonHwSlowdown, ("hw_slowdown",)),
        (real.nvmlClocksEventReasonSwThermalSlowdown, ("sw_thermal_slowdown",)),
        (real.nvmlClocksEventReasonHwThermalSlowdown, ("hw_thermal_slowdown",)),
        (real.nvmlClocksEventReasonHwPowerBrakeSlowdown | 1, ("hw_power_brake_slowdown",)),
        (0x0C, ("sw_power_cap", "hw_slowdown")),
    ],
)
def test_only_what_slows_is_throttling(
    monkeypatch: pytest.MonkeyPatch, reasons: int, throttled: tuple[str, ...]
) -> None:
    _, device = device_of(monkeypatch, FakeGpu(reasons=reasons))
    assert device.read(0).throttled == throttled


def test_drivers_before_535_tell_throttling_under_the_older_name(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml, device = device_of(monkeypatch, FakeGpu(reasons=4))
    nvml.fail("nvmlDeviceGetCurrentClocksEventReasons", real.NVML_ERROR_FUNCTION_NOT_FOUND)
    assert device.read(0).throttled == ("sw_power_cap",)


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        ([], None),  # no context yet
        ([(1, 500)], None),  # a container: the driver tells the host's process IDs
        ([(1, 500), (os.getpid(), 700)], 700),
        ([(os.getpid(), 700), (os.getpid(), 300)], 1_000),  # two instances of one device
        ([(os.getpid(), None)], None),  # Windows
        ([(os.getpid(), NOT_AVAILABLE)], None),
        ([(os.getpid(), 0)], None),
    ],
)
def test_memory_of_this_process(
    monkeypatch: pytest.MonkeyPatch, processes: list[tuple[int, int | None]], expected: int | None
) -> None:
    _, device = device_of(monkeypatch, FakeGpu(processes=processes))
    assert device.read(0).process_memory == expected


def test_a_driver_older_than_the_bindings_lists_processes_by_the_second_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nvml, device = device_of(monkeypatch)
    nvml.fail("nvmlDeviceGetComputeRunningProcesses", real.NVMLLibraryMismatchError("versions"))
    assert device.read(0).process_memory == 900_000_000


FIELDS = {
    "nvmlDeviceGetUtilizationRates": "utilisation",
    "nvmlDeviceGetMemoryInfo": "memory_used",
    "nvmlDeviceGetClockInfo": "sm_clock_mhz",
    "nvmlDeviceGetTemperature": "temperature_c",
}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    "code", [real.NVML_ERROR_NOT_SUPPORTED, real.NVML_ERROR_NO_PERMISSION, real.NVML_ERROR_UNKNOWN]
)
def test_a_figure_that_the_device_does_not_tell_is_none_for_itself(
    monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    nvml, device = device_of(monkeypatch)
    whole = device.read(0)
    nvml.fail(name, code)
    reading = device.read(0)
    missing = {field for field in GpuReading.__slots__ if getattr(reading, field) != getattr(whole, field)}
    assert missing == {FIELDS[name]}
    assert getattr(reading, FIELDS[name]) is None
    del nvml.failing[name]
    assert device.read(0) == whole


def test_bindings_without_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    _, device = device_of(monkeypatch)
    del sys.modules["pynvml"].nvmlDeviceGetTemperature
    assert device.read(0).temperature_c is None
    assert device.read(0).sm_clock_mhz == 1_980


@pytest.mark.parametrize("error", [real.NVML_ERROR_GPU_IS_LOST, real.NVML_ERROR_UNINITIALIZED, OSError("bus")])
def test_a_lost_device_goes_silent_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, error: int | BaseException
) -> None:
    nvml, device = device_of(monkeypatch)
    device.read(0)
    nvml.fail("nvmlDeviceGetClockInfo", error)  # half-way through a reading
    with pytest.warns(VizartWarning, match="NVIDIA H200 failed with") as caught:
        assert device.read(1) == GpuReading(1)
    assert len(caught) == 1
    nvml.failing.clear()
    asked = len(nvml.asked)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert device.read(2) == GpuReading(2)
    assert len(nvml.asked) == asked
    assert device.memory_bytes() is None


def test_a_lost_device_is_none_for_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml, _ = device_of(monkeypatch)
    nvml.lose()
    assert gpu_device() is None
    assert gpu_status() == "the NVIDIA driver fails: GPU is lost"


def test_the_library_is_opened_once_and_shut_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml, device = device_of(monkeypatch)
    device.close()
    assert device.read(0) == GpuReading(0)
    assert gpu_device() is not None
    assert gpu_status()
    assert (nvml.opened, nvml.shut) == (1, 0)
    tested._shut_down()
    tested._shut_down()
    assert (nvml.opened, nvml.shut) == (1, 1)


def test_after_a_fork_the_handle_is_not_used_and_a_new_one_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml, device = device_of(monkeypatch)
    monkeypatch.setattr(os, "getpid", lambda: -5)
    asked = len(nvml.asked)
    assert device.read(0) == GpuReading(0)
    tested._shut_down()  # as the child's own end would
    assert len(nvml.asked) == asked
    assert gpu_device() is not None
    assert (nvml.opened, nvml.shut) == (2, 0)


@pytest.mark.parametrize(
    ("entry", "used"),
    [
        ("0", 1),
        ("1", 2),
        ("1,0", 2),
        (" 1 , 0", 2),
        ("GPU-bbbb", 2),
        ("GPU-bbbb2222-0000,GPU-aaaa1111-0000", 2),
        ("MIG-cccc", 3),
    ],
)
def test_the_first_visible_device_is_read(monkeypatch: pytest.MonkeyPatch, entry: str, used: int) -> None:
    install(monkeypatch, FakeNvml(FIRST, SECOND, FakeGpu(uuid="MIG-cccc", used=3)))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", entry)
    device = gpu_device()
    assert device is not None
    assert device.read(0).memory_used == used


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("", "CUDA_VISIBLE_DEVICES='' hides every GPU"),
        ("-1", "CUDA_VISIBLE_DEVICES='-1' hides every GPU"),
        ("NoDevFiles", "CUDA_VISIBLE_DEVICES='NoDevFiles' hides every GPU"),
        ("2", "CUDA_VISIBLE_DEVICES names 2, which is not there"),
        ("GPU-dddd", "CUDA_VISIBLE_DEVICES names GPU-dddd, which is not there"),
        ("MIG-dddd", "CUDA_VISIBLE_DEVICES names MIG-dddd, which is not there"),
    ],
)
def test_hidden_devices(monkeypatch: pytest.MonkeyPatch, entry: str, why: str) -> None:
    install(monkeypatch, FakeNvml(FIRST, SECOND))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", entry)
    assert gpu_device() is None
    assert gpu_status() == why


def with_torch(monkeypatch: pytest.MonkeyPatch, torch: FakeTorch) -> FakeTorch:
    for name, module in torch.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    torch.devices[0].uuid, torch.devices[1].uuid = "bbbb2222-0000", "aaaa1111-0000"
    return torch


def test_readings_follow_the_device_of_torch_once_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml, device = device_of(monkeypatch, FIRST, SECOND)
    torch = with_torch(monkeypatch, FakeTorch(2, initialized=False))
    assert device.read(0).memory_used == 1  # torch has not chosen yet, and is not made to
    torch.initialized = True
    assert device.read(0).memory_used == 2
    torch.current = 1
    assert device.read(0).memory_used == 1
    assert nvml.asked.count("nvmlDeviceGetHandleByUUID") == 2
    device.read(0)
    assert nvml.asked.count("nvmlDeviceGetHandleByUUID") == 2


def test_an_older_torch_tells_its_device_by_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    _, device = device_of(monkeypatch, FIRST, SECOND)
    with_torch(monkeypatch, FakeTorch(2))

    class Facts:
        pci_domain_id, pci_bus_id, pci_device_id = 0, 0x5E, 0

    sys.modules["torch.cuda"].get_device_properties = lambda index: Facts
    assert device.read(0).memory_used == 2


@pytest.mark.parametrize("uuid", [None, "ffff"])
def test_a_torch_that_does_not_tell_its_device_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, uuid: str | None
) -> None:
    _, device = device_of(monkeypatch, FIRST, SECOND)
    with_torch(monkeypatch, FakeTorch(2)).devices[0].uuid = uuid  # type: ignore[assignment]
    assert device.read(0).memory_used == 1


@pytest.mark.parametrize(
    ("name", "driver", "expected"),
    [
        ("NVIDIA H200", "550.54.15", "NVIDIA H200, driver 550.54"),
        (b"Tesla T4", b"470.82", "Tesla T4, driver 470.82"),
    ],
)
def test_name_and_driver(
    monkeypatch: pytest.MonkeyPatch, name: str | bytes, driver: str | bytes, expected: str
) -> None:
    install(monkeypatch, FakeNvml(FakeGpu(name=name), driver=driver))
    device = gpu_device()
    assert device is not None
    assert device.name_and_driver == expected


def test_a_gpu_without_a_name_stays_out_of_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = install(monkeypatch, FakeNvml(FakeGpu()))
    nvml.fail("nvmlDeviceGetName", real.NVML_ERROR_NOT_SUPPORTED)
    device = gpu_device()
    assert device is not None
    assert device.name_and_driver is None
    assert gpu_status() == "a GPU without a name, driver 550.54.15, 150 GB"


def test_the_status_line(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml(FakeGpu()))
    assert gpu_status() == "NVIDIA H200, driver 550.54.15, 150 GB"


def test_a_driver_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml())
    assert gpu_device() is None
    assert gpu_status() == "the driver knows no GPU"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (real.NVML_ERROR_DRIVER_NOT_LOADED, "the NVIDIA driver does not start: Driver Not Loaded"),
        (real.NVML_ERROR_LIBRARY_NOT_FOUND, "the NVIDIA driver does not start: NVML Shared Library Not Found"),
    ],
)
def test_a_driver_that_does_not_start(monkeypatch: pytest.MonkeyPatch, code: int, why: str) -> None:
    install(monkeypatch, FakeNvml(FakeGpu())).fail("nvmlInit", code)
    assert gpu_device() is None
    assert gpu_status() == why


def test_a_driver_without_the_bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(tested, "_opened", {})
    monkeypatch.setattr(tested, "_driver_installed", lambda: True)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpu_device() is None
    assert gpu_status().startswith("an NVIDIA driver, but nvidia-ml-py cannot be imported")


def test_without_a_driver_the_bindings_are_not_imported() -> None:
    program = (
        "import sys, ctypes\n"
        "def missing(name, *rest): raise OSError(name)\n"
        "ctypes.CDLL = missing\n"
        "from pytest_vizart.profiling.gpu import device as gpu_device\n"
        "gpu_device.sys.platform == 'win32' or print(gpu_device.gpu_status())\n"
        "from pytest_vizart.profiling.machine import describe_machine\n"
        "assert describe_machine().gpu is None\n"
        "print('pynvml' in sys.modules)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split("\n") == ["no NVIDIA driver", "False", ""]
