"""A run of which everything was profiled: nested and concurrent stages, a leak, gauges, a GPU, functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.profile import FlameNode, GpuReading, Leak, MeasureTable, OutputSummary, Profile
from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.span import SpanTable
from pytest_vizart.records.stage import GpuStats, MemoryStats, SlowSample, StageStats

from . import builders
from .case_builders import coin_case

SHELF = "tests/test_shelf.py::test_shelf"
_MS = 1_000_000
_STAGES: dict[str, tuple[str | None, float, float, float]] = {  # parent, starts at ms, wall ms, CPU ms
    "decode": (None, 0.0, 3.0, 1.2),
    "resize": ("detect", 3.3, 1.5, 1.5),
    "network": ("detect", 5.0, 8.0, 2.1),
    "suppress overlaps": ("detect", 13.2, 0.08, 0.08),
    "detect": (None, 3.1, 11.0, 4.1),
    "crop": (None, 14.4, 2.2, 2.1),
    "upload": (None, 14.5, 4.1, 0.3),
}
_EXACT = ("network", "detect")
_AT_ONCE = ("crop", "upload")
SAMPLES, PASSES = 20, 3
LEAK = Leak("cpu", 101.2, 95.1, 108.4, SAMPLES * (PASSES - 1), True, "network")


def profiled_session(folder: Path, **changes: Any) -> SessionResult:
    return SessionResult(builders.session(), (profiled_run(folder, **changes),))


def profiled_run(folder: Path, **changes: Any) -> RunResult:
    table = profiled_spans()
    case = replace(coin_case(folder, 0, missed=1, extra=1), sample_id="shelf-007", stage="detect")
    slow = Outcome("shelf-007", "detect", "boxes", "wrong", "miss", 0.4, case.reason, case.input_path)
    run = RunResult(
        info=builders.run_info(
            SHELF,
            dataset="shelf",
            samples=SAMPLES,
            passes=PASSES,
            warmup=1,
            profile="full",
            notes=("1 sample was dropped",),
        ),
        spans=table,
        stages=tuple(
            _stats(table, name)
            for name in ("decode", "resize", "network", "suppress overlaps", "detect", "crop", "upload")
        ),
        outcomes=(slow,),
        cases=(case,),
        profile=profile(),
    )
    return replace(run, **changes)


def profiled_spans() -> SpanTable:
    """Per sample the stages of `_STAGES`, the last two in threads of their own; memory as LEAK says, in network."""
    random = np.random.default_rng(3)
    table, resident = SpanTable(), 420e6
    for turn in range(SAMPLES * PASSES + 1):
        base_ns = turn * 21 * _MS
        number = dict.fromkeys(_STAGES, 0) | {name: len(table) + place for place, name in enumerate(_STAGES, start=1)}
        for name, (parent, start_ms, wall_ms, cpu_ms) in _STAGES.items():
            grown = resident + (LEAK.kb_per_sample * 1e3 if name == "network" else float(random.normal(0, 2e4)))
            wall_ns = int(wall_ms * _MS)
            own_ns = wall_ns - int(sum(each[2] for each in _STAGES.values() if each[0] == name) * _MS)
            short = name == "suppress overlaps"
            builders.add_span(
                table,
                parent_id=number[parent] if parent else None,
                parent=parent,
                stage=name,
                sample_id=f"shelf-{max(turn - 1, 0) % SAMPLES:03d}",
                pass_index=max(turn - 1, 0) // SAMPLES,
                warmup=turn == 0,
                offset_ns=base_ns + int(start_ms * _MS),
                wall_ns=wall_ns,
                self_ns=max(own_ns, 0),
                cpu_ns=int(cpu_ms * _MS),
                process_cpu_ns=int(cpu_ms * _MS),
                gpu_ns=int(7.4 * _MS) if name == "network" else None,
                rss_before=None if short else int(resident),
                rss_after=None if short else int(grown),
                rss_peak=None if short else int(grown + (60e6 if name in _EXACT else 3e6)),
                peak_exact=None if short else name in _EXACT,
                read_bytes=850_000 if name == "decode" else None,
                written_bytes=0 if name == "decode" else None,
                gpu_peak=1_200_000_000 if name == "network" else None,
            )
            resident = grown
    return table


def _stats(table: SpanTable, name: str) -> StageStats:
    rows = list(table.measured_rows(name))
    wall = np.array([table.wall_ns[row] for row in rows]) / 1e6
    cpu = np.array([table.cpu_ns[row] for row in rows], dtype=float) / 1e6
    own_ms = sum(table.self_ns[row] for row in rows) / 1e6
    network = name == "network"
    return StageStats(
        name,
        len(rows),
        0,
        builders.distribution(wall),
        builders.distribution(cpu),
        MemoryStats(420.0, 426.1, 0.1, 60.1 if name in _EXACT else 3.1, name in _EXACT, 486.2)
        if name != "suppress overlaps"
        else None,
        gpu_mb=1_200.0 if network else None,
        share=own_ms / (19 * len(rows)),
        notes=("shorter than 0.2 ms: timing alone",) if name == "suppress overlaps" else (),
        parent=_STAGES[name][0],
        items=len(rows),
        total_ms=float(wall.sum()),
        self_ms=own_ms,
        concurrent=name in _AT_ONCE,
        per_second=1e3 / float(np.median(wall)),
        cold_ms=32.0 if network else float(wall[0]),
        external_ms=3.4 if name == "upload" else None,
        read_mb=0.85 if name == "decode" else None,
        written_mb=0.0 if name == "decode" else None,
        gpu=GpuStats(800.0, 810.5, 1_200.0, 1_536.0, builders.distribution(np.full(len(rows), 7.4)))
        if network
        else None,
        slowest=(SlowSample("shelf-007", 14.9), SlowSample("shelf-012", 13.1), SlowSample("shelf-003", 12.8))
        if name == "detect"
        else (),
        slow_because="larger input files: 3.1 MB against 0.8 MB" if name == "detect" else None,
    )


def profile() -> Profile:
    start = builders.STARTED_US
    rows: list[tuple[Any, ...]] = [
        (
            "gauge",
            "queue depth",
            float(turn % 7),
            None,
            None,
            f"shelf-{turn % SAMPLES:03d}",
            turn // SAMPLES,
            False,
            start + turn * 21_000,
        )
        for turn in range(SAMPLES * PASSES)
    ]
    rows += [("count", "objects", 4.0, "detect", 5, "shelf-000", 0, False, start + turn * 21_000) for turn in range(10)]
    rows += [
        ("external", "store", 3.4e6, "upload", 7, "shelf-000", 0, False, start + turn * 21_000) for turn in range(9)
    ]
    rows.append(("gauge", "queue depth", 99.0, None, None, "shelf-000", 0, True, start))  # warm-up does not count
    output = OutputSummary(
        "detect", "shelf-000", "array", "9f2c", (4, 5), "float32", 80, 0.0, 1.0, 0.5, 0, "float32 (4, 5), 0 .. 1"
    )
    return Profile(
        measures=MeasureTable(*(list(column) for column in zip(*rows, strict=True))),
        leaks=(LEAK, Leak("gpu", 0.1, -0.4, 0.6, 60, False)),
        outputs=(output, replace(output, sample_id="shelf-001", invalid=3)),
        outputs_ms=4.25,
        artifacts_ms=7.5,
        flame=flame(),
        flame_samples=2,
        gpu=tuple(
            GpuReading(
                start + second * 100_000,
                0.25 + 0.02 * (second % 10),
                2_400_000_000 + second * 1_000_000,
                1_600_000_000,
                1_410,
                60 + second // 3,
                ("power cap",) if second > 10 else (),
            )
            for second in range(13)
        ),
    )


def flame(width: int = 3, depth: int = 6) -> FlameNode:
    """The stages with made-up functions in them, `width` calls in each down to `depth`."""
    places = (
        "shelf/detect.py",
        "shelf/boxes.py",
        "numpy/core/fromnumeric.py",
        "PIL/Image.py",
        "torch/nn/modules/module.py",
    )

    def calls(total_ms: float, level: int, seed: int) -> tuple[FlameNode, ...]:
        if level == depth or total_ms < 0.02:
            return ()
        parts = [total_ms * 0.9 * share for share in (0.6, 0.3, 0.1, 0.0)[:width]]
        return tuple(
            FlameNode(
                f"function_{level}_{number}",
                f"{places[(seed + number) % 5]}:{10 * level + number}",
                part,
                calls(part, level + 1, seed + number),
            )
            for number, part in enumerate(parts)
        )

    detect = (
        FlameNode("resize", "", 3.1, calls(3.1, 1, 0)),
        FlameNode("network", "", 16.4, calls(16.4, 1, 4)),
    )
    stages = (FlameNode("decode", "", 6.2, calls(6.2, 1, 3)), FlameNode("detect", "", 21.9, detect))
    return FlameNode("all samples", "", 30.0, stages)
