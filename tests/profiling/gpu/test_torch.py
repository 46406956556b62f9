from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import warnings
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.errors import VizartWarning
from pytest_vizart.profiling.gpu.torch import TorchGpu, gpu_in_use
from tests.profiling.fake_torch import FakeCupy, FakeTorch

NOTHING = (None, None, None, None, None)
MB = 1_000_000


@pytest.fixture(autouse=True)
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other tests have imported."""
    for name in ("torch", "torch.cuda", "cupy"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, torch: FakeTorch) -> FakeTorch:
    for name, module in torch.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return torch


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> FakeTorch:
    """One GPU in use, with 100 MB allocated."""
    fake = load(monkeypatch, FakeTorch())
    fake.allocate(100 * MB)
    return fake


def end(probe: TorchGpu, begun: Any) -> tuple[int | None, ...]:
    probe.settle()
    return probe.stop(begun)


def test_without_torch_nothing_is_measured() -> None:
    probe = TorchGpu()
    assert not gpu_in_use()
    assert end(probe, probe.start()) == NOTHING
    assert probe.allocated() is None
    probe.close()


def test_a_torch_that_does_not_use_a_gpu_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = load(monkeypatch, FakeTorch(initialized=False))
    torch.failing = {name: AssertionError("asked") for name in ("synchronize", "memory_stats_as_nested_dict", "record")}
    probe = TorchGpu()
    assert not gpu_in_use()
    assert end(probe, probe.start()) == NOTHING


def test_a_torch_that_is_still_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = FakeTorch().modules()
    del modules["torch.cuda"].is_initialized
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    probe = TorchGpu()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert end(probe, probe.start()) == NOTHING


def test_time_and_memory_of_a_span(torch: FakeTorch) -> None:
    probe = TorchGpu()
    assert gpu_in_use()
    torch.launch(9.0)  # the stage before left work behind
    begun = probe.start()
    torch.launch(2.5)
    torch.allocate(300 * MB)
    torch.free(250 * MB)
    assert end(probe, begun) == (2_500_000, 100 * MB, 150 * MB, 400 * MB, 400 * MB)
    assert torch.devices[0].waits == 2
    assert probe.allocated() == 150 * MB


def test_settle_waits_so_that_the_time_is_in_the_span(torch: FakeTorch) -> None:
    probe = TorchGpu()
    probe.start()
    torch.launch(5.0)
    probe.settle()
    assert torch.devices[0].queued_ms == 0.0


def test_the_peak_is_of_the_span_alone(torch: FakeTorch) -> None:
    torch.allocate(700 * MB)
    torch.free(700 * MB)
    probe = TorchGpu()
    begun = probe.start()
    torch.allocate(10 * MB)
    assert end(probe, begun)[3] == 110 * MB
    begun = probe.start()
    assert end(probe, begun)[3] == 110 * MB


def test_an_inner_span_does_not_hide_the_peak_of_the_outer(torch: FakeTorch) -> None:
    probe = TorchGpu()
    outer = probe.start()
    torch.allocate(500 * MB)
    torch.free(500 * MB)
    inner = probe.start()
    torch.allocate(20 * MB)
    assert end(probe, inner)[1:4] == (100 * MB, 120 * MB, 120 * MB)
    assert end(probe, outer)[1:4] == (100 * MB, 120 * MB, 600 * MB)


def test_the_peak_of_an_inner_span_is_in_the_outer(torch: FakeTorch) -> None:
    probe = TorchGpu()
    outer = probe.start()
    inner = probe.start()
    torch.allocate(500 * MB)
    torch.free(500 * MB)
    assert end(probe, inner)[3] == 600 * MB
    assert end(probe, probe.start())[3] == 100 * MB
    assert end(probe, outer)[3] == 600 * MB


def test_spans_that_end_out_of_order(torch: FakeTorch) -> None:
    probe = TorchGpu()
    first, second = probe.start(), probe.start()
    torch.allocate(50 * MB)
    assert end(probe, first)[1:4] == (100 * MB, 150 * MB, 150 * MB)
    torch.allocate(50 * MB)
    assert end(probe, second)[1:4] == (100 * MB, 200 * MB, 200 * MB)


def test_spans_that_are_never_closed_are_forgotten(torch: FakeTorch) -> None:
    probe = TorchGpu()
    kept = probe.start()
    for _ in range(50):
        probe.start()
    gc.collect()
    probe.start()
    assert sum(reference() is not None for reference in probe._open) == 1
    assert len(probe._open) <= 2
    assert end(probe, kept)[3] == 100 * MB


@given(st.lists(st.sampled_from(["open", "close first", "close last", "allocate", "free"]), max_size=40))
def test_every_span_gets_the_true_peak(steps: list[str]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        torch = load(monkeypatch, FakeTorch())
        torch.allocate(1)
        probe = TorchGpu()
        open_spans: list[tuple[Any, list[int]]] = []  # what start returned, and all that was allocated meanwhile
        for step in steps:
            if step == "open":
                open_spans.append((probe.start(), [torch.devices[0].allocated]))
            elif step.startswith("close"):
                if open_spans:
                    begun, held = open_spans.pop(0 if step == "close first" else -1)
                    assert end(probe, begun)[1:4] == (held[0], torch.devices[0].allocated, max(held))
            elif step == "allocate":
                torch.allocate(7)
            elif torch.devices[0].allocated > 7:
                torch.free(7)
            for _, held in open_spans:
                held.append(torch.devices[0].allocated)


def test_cuda_that_comes_into_use_in_mid_run(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = TorchGpu()
    before_import = probe.start()
    torch = load(monkeypatch, FakeTorch(initialized=False))
    loading = probe.start()
    torch.allocate(800 * MB)
    torch.free(300 * MB)
    torch.launch(4.0)
    inner = probe.start()
    torch.launch(1.0)
    assert end(probe, inner) == (1_000_000, 500 * MB, 500 * MB, 500 * MB, 800 * MB)
    assert end(probe, loading) == (None, 0, 500 * MB, 800 * MB, 800 * MB)
    assert end(probe, before_import) == (None, 0, 500 * MB, 800 * MB, 800 * MB)


def test_a_device_that_is_not_in_use_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = load(monkeypatch, FakeTorch(3))  # current is 0, the model lies on 2
    torch.allocate(100 * MB, device=2)
    probe = TorchGpu()
    begun = probe.start()
    torch.launch(3.0, device=2)
    assert end(probe, begun) == (3_000_000, 100 * MB, 100 * MB, 100 * MB, 100 * MB)
    assert [device.waits for device in torch.devices] == [0, 0, 2]
    assert [device.context for device in torch.devices] == [False, False, True]


@pytest.mark.parametrize("primary_context", [True, False])
def test_initialised_without_any_work(monkeypatch: pytest.MonkeyPatch, primary_context: bool) -> None:
    torch = load(monkeypatch, FakeTorch(primary_context=primary_context))
    probe = TorchGpu()
    begun = probe.start()
    assert end(probe, begun) == (None, 0, 0, 0, 0)
    assert not torch.devices[0].context
    begun = probe.start()
    torch.allocate(5)
    assert end(probe, begun) == (None, 0, 5, 5, 5)
    begun = probe.start()
    torch.launch(1.0)
    assert end(probe, begun) == (1_000_000, 5, 5, 5, 5)


def test_several_devices_add_up_and_the_slowest_tells_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = load(monkeypatch, FakeTorch(2))
    torch.allocate(10, device=0)
    torch.allocate(20, device=1)
    probe = TorchGpu()
    begun = probe.start()
    torch.launch(1.0, device=0)
    torch.launch(6.0, device=1)
    torch.allocate(5, device=1)
    assert end(probe, begun) == (6_000_000, 30, 35, 35, 35)


def test_a_capture_is_not_disturbed(torch: FakeTorch) -> None:
    probe = TorchGpu()
    outer = probe.start()
    torch.launch(1.0)
    torch.capture = True
    inner = probe.start()
    assert inner is None
    assert end(probe, inner) == NOTHING
    assert end(probe, outer) == (None, 100 * MB, 100 * MB, 100 * MB, 100 * MB)  # ended in mid-capture: no time
    torch.capture = False
    begun = probe.start()
    torch.launch(2.0)
    assert end(probe, begun)[0] == 2_000_000


def test_the_time_of_another_span_is_not_taken(torch: FakeTorch) -> None:
    probe = TorchGpu()
    begun = probe.start()
    probe.settle()
    torch.capture = True
    probe.settle()
    assert probe.stop(begun)[0] is None


@pytest.mark.parametrize("name", ["synchronize", "memory_stats_as_nested_dict", "record", "elapsed_time"])
def test_a_failure_is_one_warning_and_silence(torch: FakeTorch, name: str) -> None:
    probe = TorchGpu()
    begun = probe.start()
    torch.failing[name] = RuntimeError("CUDA error: unspecified launch failure")
    with pytest.warns(VizartWarning, match="GPU is no longer measured.*launch failure") as caught:
        assert end(probe, begun) == NOTHING
    assert len(caught) == 1
    torch.failing.clear()
    waits = torch.devices[0].waits
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert end(probe, probe.start()) == NOTHING
        assert end(probe, begun) == NOTHING
    assert torch.devices[0].waits == waits
    assert probe.allocated() is None


def test_a_failure_at_the_start(torch: FakeTorch) -> None:
    torch.failing["synchronize"] = RuntimeError("gone")
    probe = TorchGpu()
    with pytest.warns(VizartWarning, match="gone"):
        begun = probe.start()
    assert end(probe, begun) == NOTHING


class StageTookTooLongError(Exception):
    """As a test's own signal handler raises it."""


@pytest.mark.parametrize("error", [TimeoutError("1 s"), StageTookTooLongError()])
def test_a_timeout_by_signal_while_waiting_is_not_swallowed(torch: FakeTorch, error: Exception) -> None:
    probe = TorchGpu()
    begun = probe.start()
    torch.failing["synchronize"] = error  # as from a signal handler, which runs when the wait is over
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(type(error)):
            probe.settle()
        torch.failing.clear()
        assert probe.stop(begun) == (None, 100 * MB, 100 * MB, 100 * MB, 100 * MB)


def test_nothing_is_asked_after_a_fork(torch: FakeTorch, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = TorchGpu()
    begun = probe.start()
    monkeypatch.setattr(os, "getpid", lambda: -5)
    torch.failing = {name: AssertionError("asked") for name in ("synchronize", "memory_stats_as_nested_dict", "record")}
    assert end(probe, begun) == NOTHING
    assert end(probe, probe.start()) == NOTHING
    assert probe.allocated() is None


def test_a_process_forked_off_before_the_gpu_was_used_may_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = TorchGpu()
    probe.start()
    monkeypatch.setattr(os, "getpid", lambda: -5)
    torch = load(monkeypatch, FakeTorch())
    torch.allocate(3)
    assert end(probe, probe.start()) == (0, 3, 3, 3, 3)


def test_after_a_fork_cupy_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cupy = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy.module())
    probe = TorchGpu()
    probe.settle()
    monkeypatch.setattr(os, "getpid", lambda: -5)
    probe.settle()
    assert cupy.waits == 1


def test_after_closing_nothing_is_measured(torch: FakeTorch) -> None:
    probe = TorchGpu()
    begun = probe.start()
    probe.close()
    assert end(probe, begun) == NOTHING
    assert end(probe, probe.start()) == NOTHING


def test_spans_in_threads_at_the_same_time(torch: FakeTorch) -> None:
    probe = TorchGpu()
    results: list[tuple[int | None, ...]] = []
    both = threading.Barrier(4)

    def work() -> None:
        for _ in range(20):
            both.wait()
            begun = probe.start()
            both.wait()
            probe.settle()
            results.append(probe.stop(begun))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(0, 100 * MB, 100 * MB, 100 * MB, 100 * MB)] * 80


def test_cupy_alone_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cupy = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy.module())
    probe = TorchGpu()
    assert gpu_in_use()
    assert end(probe, probe.start()) == NOTHING
    assert cupy.waits == 2
    probe.close()
    probe.settle()
    assert cupy.waits == 2


def test_beside_a_torch_on_the_gpu_cupy_is_waited_for_through_torch(
    torch: FakeTorch, monkeypatch: pytest.MonkeyPatch
) -> None:
    cupy = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy.module())
    probe = TorchGpu()
    end(probe, probe.start())
    assert (cupy.waits, torch.devices[0].waits) == (0, 2)


@pytest.mark.parametrize("error", [None, RuntimeError("cudaErrorInsufficientDriver")])
def test_cupy_without_work_or_without_a_gpu_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    cupy = FakeCupy(held=0)
    cupy.error = error
    monkeypatch.setitem(sys.modules, "cupy", cupy.module())
    probe = TorchGpu()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert end(probe, probe.start()) == NOTHING
    assert not gpu_in_use()
    assert cupy.waits == 0


def test_the_real_torch_without_a_gpu_is_left_alone() -> None:
    if find_spec("torch") is None:
        pytest.skip("needs torch")
    program = (
        "import torch\n"
        "from pytest_vizart.profiling.gpu.torch import TorchGpu, gpu_in_use\n"
        "probe = TorchGpu()\n"
        "begun = probe.start()\n"
        "torch.zeros(4).sum()\n"
        "probe.settle()\n"
        "print(torch.cuda.is_initialized(), gpu_in_use(), set(probe.stop(begun)), probe.allocated())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False False {None} None\n"
