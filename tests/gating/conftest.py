"""Runs with known times: what the gate sees can be set to the nanosecond."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from pytest_vizart.gating.times import FloatArray, RunTimes, StageTimes

MakeStage = Callable[..., StageTimes]
MakeRun = Callable[..., RunTimes]


def stage_times(
    cpu_ms: FloatArray,
    *,
    waits_ms: float = 0.0,
    wall_factor: float = 1.002,
    process_factor: float = 1.0,
    switches: float | None = 0.0,
    has_cpu: bool = True,
) -> StageTimes:
    """cpu_ms: (samples, passes)."""
    cpu = cpu_ms * 1e6
    wall = cpu * wall_factor + waits_ms * 1e6
    counts = None if switches is None else np.full(cpu.shape, 1.0 if waits_ms else switches)
    rows = np.repeat(np.arange(cpu.shape[0]), cpu.shape[1])
    if not has_cpu:
        return StageTimes(wall, None, None, None, wall.ravel(), rows)
    return StageTimes(wall, cpu, cpu * process_factor, counts, wall.ravel(), rows)


@pytest.fixture
def make_stage() -> MakeStage:
    return stage_times


@pytest.fixture
def make_run() -> MakeRun:
    """make_run(run_id, {"detect": 1.05}): factor on the stage's usual time; noise of 0.3 % per run and per value."""

    def make(
        run_id: str,
        factors: Mapping[str, float],
        *,
        samples: int = 24,
        passes: int = 3,
        machine: float = 1.0,
        base_ms: float = 1.0,
        stage_options: Mapping[str, Mapping[str, object]] | None = None,
        calibrated: bool = True,
        noise: float = 0.003,
    ) -> RunTimes:
        rng = np.random.default_rng(zlib.crc32(run_id.encode()))
        options = stage_options or {}

        def one(factor: float, **given: object) -> StageTimes:
            sizes = np.linspace(1.0, 4.0, samples)[:, None]
            per_run = np.exp(rng.normal(0, noise))
            values = base_ms * sizes * factor * machine * per_run * np.exp(rng.normal(0, noise, (samples, passes)))
            return stage_times(values, **given)  # type: ignore[arg-type]

        stages = {name: one(factor, **options.get(name, {})) for name, factor in factors.items()}
        names = tuple(f"tile_{number:02}" for number in range(samples))
        return RunTimes(run_id, names, passes, stages, one(0.15) if calibrated else None)

    return make


@pytest.fixture
def four() -> dict[str, float]:
    return {"decode": 1.0, "preprocess": 1.0, "detect": 1.0, "postprocess": 1.0}


@pytest.fixture
def history(make_run: MakeRun, four: dict[str, float]) -> list[RunTimes]:
    return [make_run(f"base-{number}", four) for number in range(10)]
