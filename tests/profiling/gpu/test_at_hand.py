from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from pytest_vizart.profiling.gpu.at_hand import device_name


def fake_torch(available, name=lambda: "NVIDIA H200"):
    return SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: available, get_device_name=name))


def broken():
    raise RuntimeError("CUDA unknown error")


@pytest.mark.parametrize(
    "torch, expected",
    [(fake_torch(True), "NVIDIA H200"), (fake_torch(False), None), (fake_torch(True, broken), None),
     (SimpleNamespace(), None), (None, None)],
)  # fmt: skip
def test_the_gpu_that_torch_would_use(monkeypatch, torch, expected):
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert device_name() == expected
