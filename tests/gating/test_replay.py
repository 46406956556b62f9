"""benchmarks/gate.py on a small recording of its own: it must read the format and count right."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gate.py"


@pytest.fixture
def gate(monkeypatch):
    spec = importlib.util.spec_from_file_location("gate_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def traces(tmp_path):
    """Twelve rounds without any noise worth the name; every slowed stage is slower by its level exactly."""
    rng = np.random.default_rng(5)
    levels = np.array([np.roll([3, 5, 10, 20], number) for number in range(12)])
    base = 1e6 * np.exp(rng.normal(0, 1e-4, (12, 3, 3, 8, 10)))
    slow = base.copy()
    for number, row in enumerate(levels):
        for stage, level in enumerate(row):
            slow[number, ..., 2 + 2 * stage : 4 + 2 * stage] *= 1 + level / 100
    path = tmp_path / "traces.npz"
    effect_log = np.tile(np.log1p([0.03, 0.05, 0.1, 0.2]), (4, 1))
    np.savez(path, base=base, slow=slow, level_pct=levels, effect_log=effect_log)
    return path


def test_a_recording_without_noise_is_judged_without_a_mistake(gate, traces, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gate.py", "--traces", str(traces), "--json"])
    assert gate.main() == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["rounds"] == 2
    assert figures["unchanged"]["any"] == {"single_run": 0.0, "three_of_three": 0.0}
    for level in ("5", "10", "20"):
        assert figures["one_stage_slowed"][level] == {"single_run": 1.0, "three_of_three": 1.0}


def test_a_missing_recording_is_named(gate, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gate.py", "--traces", str(tmp_path / "none.npz")])
    assert gate.main() == 2
    assert "none.npz" in capsys.readouterr().err
