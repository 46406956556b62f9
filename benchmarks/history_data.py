"""A past of many sessions, as the plugin keeps them: 10 tests with 8 stages each, measured again and again.

Values look like those of real sessions (level `detailed`, Linux, no GPU): times that scatter by some percent around a
level of their own, CPU time a little below, resident memory in pages, a commit and a machine for each session.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pytest_vizart.history.rows import as_table
from pytest_vizart.history.schema import TABLES
from pytest_vizart.records.span import CALIBRATION_STAGE

TESTS = 10
STAGES = ("decode", "resize", "normalise", "detect", "suppress", "classify", "draw", "encode")
LEVEL_MS = (4.1, 1.3, 0.62, 31.0, 0.87, 9.4, 0.51, 5.2)
SAMPLES, PASSES = 4, 3
CALIBRATIONS = PASSES + 1
SPANS_A_RUN = SAMPLES * PASSES * len(STAGES) + CALIBRATIONS
START_US = 1_735_689_600_000_000
PAGE = 4_096
MACHINES = (("5a23cae2d7a7c88e", "Intel(R) Xeon(R) Processor", 2, 24), ("90c1b7f0a1d2e3f4", "AMD EPYC 7763", 4, 16))
LIBRARIES = {"Pillow": "11.3.0", "numpy": "2.3.1", "opencv-python": "4.12.0", "scikit-learn": "1.7.0", "torch": "2.7.1"}

Ints = NDArray[np.int64]
Columns = dict[str, Any]


@dataclass(frozen=True)
class KeptSession:
    """One session as the writer takes it."""

    session_id: str
    started_us: int
    tables: dict[str, pa.Table]

    @cached_property
    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each table, with times as microseconds."""
        return {name: _rows(table) for name, table in self.tables.items()}


@dataclass(frozen=True)
class Past:
    """The same for the same seed.

    sessions: how many, oldest first; each has one run of each of the 10 tests. spans: whether their spans are kept too.
    """

    sessions: int
    spans: bool = True
    seed: int = 0

    def __iter__(self) -> Iterator[KeptSession]:
        for number in range(self.sessions):
            yield self.session(number)

    @property
    def runs(self) -> int:
        return self.sessions * TESTS

    def session(self, number: int) -> KeptSession:
        """Return one session; its number may lie beyond `sessions`: one more that is to be kept."""
        made = _Session(number, self.seed)
        tables = made.tables()
        if not self.spans:
            del tables["spans"]
        return KeptSession(made.session_id, made.started_us, tables)


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    fields = [
        pa.field(field.name, pa.int64() if pa.types.is_timestamp(field.type) else field.type) for field in table.schema
    ]
    return list(table.cast(pa.schema(fields)).to_pylist())


class _Session:
    """Draws the values of one session."""

    def __init__(self, number: int, seed: int) -> None:
        self._draw = np.random.default_rng((seed, number))
        self._number = number
        self.session_id = self._uuid()
        self.started_us = START_US + number * 7_200_000_000 + int(self._draw.integers(0, 3_600_000_000))
        self.run_ids = [self._uuid() for _ in range(TESTS)]
        self.test_ids = [f"tests/test_pipeline.py::test_{name}" for name in _TEST_NAMES]
        self._machine = MACHINES[int(self._draw.random() < 0.3)]

    def _uuid(self) -> str:
        return str(uuid.UUID(bytes=self._draw.bytes(16), version=4))

    def tables(self) -> dict[str, pa.Table]:
        columns = {"spans": self._spans(), "stages": self._stages(), "runs": self._runs()}
        return {name: as_table(name, {**dict.fromkeys(TABLES[name].names), **each}) for name, each in columns.items()}

    @cached_property
    def _times(self) -> dict[str, Ints]:
        """Columns of shape (tests, spans of a run), in the order in which the spans ran."""
        draw, shape = self._draw, (TESTS, SPANS_A_RUN)
        level = np.concatenate([[0.1], *[LEVEL_MS] * SAMPLES, *([[0.1], *[LEVEL_MS] * SAMPLES] * (PASSES - 1)), [0.1]])
        of_test = np.exp(np.random.default_rng(1).normal(0, 0.3, (TESTS, 1)))
        machine = 1.0 if self._machine is MACHINES[0] else 0.8
        wall = 1e6 * level * of_test * machine * np.exp(draw.normal(0, 0.02, (TESTS, 1)) + draw.gamma(2, 0.02, shape))
        cpu = wall * (1 - draw.gamma(1.5, 0.01, shape)) + draw.normal(400, 200, shape)
        gap = draw.gamma(3, 3_000, shape) + 9_000
        offset = np.cumsum(wall + gap, axis=1) - wall
        grown = np.where(draw.random(shape) < 0.05, np.exp(draw.normal(2, 2, shape)).astype(np.int64), 0)
        after = (30_000 + draw.integers(0, 3_000, (TESTS, 1)) + np.cumsum(grown, axis=1)) * PAGE
        return {
            "wall_ns": wall.astype(np.int64),
            "cpu_ns": np.maximum(cpu, 0).astype(np.int64),
            "process_cpu_ns": (np.maximum(cpu, 0) + draw.gamma(4, 500, shape)).astype(np.int64),
            "offset_ns": offset.astype(np.int64),
            "rss_before": after - grown * PAGE,
            "rss_after": after,
            "minor_faults": grown + draw.poisson(0.2, shape),
            "voluntary_switches": draw.poisson(0.1, shape),
            "involuntary_switches": draw.poisson(wall / 2e6),
        }

    @cached_property
    def _run_started_us(self) -> Ints:
        took_us = self._times["offset_ns"][:, -1] // 1_000 + 120_000
        return self.started_us + 800_000 + np.concatenate([[0], np.cumsum(took_us)[:-1]])

    def _spans(self) -> Columns:
        runs, spans = TESTS, SPANS_A_RUN
        times = self._times
        started = self._run_started_us[:, None] + times["offset_ns"] // 1_000
        plain = {name: values.ravel() for name, values in times.items()}
        return {name: [None] * (runs * spans) for name in TABLES["spans"].names} | {
            "run_id": [run_id for run_id in self.run_ids for _ in range(spans)],
            "test_id": [test_id for test_id in self.test_ids for _ in range(spans)],
            "span_id": np.tile(np.arange(spans), runs),
            "stage": _STAGE_OF_SPAN * runs,
            "process": np.full(runs * spans, 20_000 + self._number % 9_000),
            "sample_id": _SAMPLE_OF_SPAN * runs,
            "pass_index": np.tile(np.array(_PASS_OF_SPAN, np.int32), runs),
            "warmup": np.zeros(runs * spans, np.bool_),
            "items": np.ones(runs * spans, np.int32),
            "started_us": started.ravel(),
            **plain,
        }

    def _stages(self) -> Columns:
        count = TESTS * len(STAGES)
        rows = np.array([[at for at, name in enumerate(_STAGE_OF_SPAN) if name == stage] for stage in STAGES])
        wall, cpu = self._times["wall_ns"][:, rows], self._times["cpu_ns"][:, rows]
        after, before = self._times["rss_after"][:, rows], self._times["rss_before"][:, rows]
        figures = {
            "wall_median_ns": np.median(wall, axis=2),
            "wall_p95_ns": np.percentile(wall, 95, axis=2),
            "wall_p99_ns": np.percentile(wall, 99, axis=2),
            "wall_min_ns": wall.min(axis=2),
            "wall_max_ns": wall.max(axis=2),
            "cpu_median_ns": np.median(cpu, axis=2),
        }
        return {
            "run_id": [run_id for run_id in self.run_ids for _ in STAGES],
            "test_id": [test_id for test_id in self.test_ids for _ in STAGES],
            "stage": list(STAGES) * TESTS,
            "parent": [None] * count,
            "spans": np.full(count, SAMPLES * PASSES),
            "errors": np.zeros(count, np.int64),
            "items": np.full(count, SAMPLES * PASSES),
            **{name: _rounded(each.ravel()) for name, each in figures.items()},
            "rss_highest": after.max(axis=2).ravel(),
            "rss_growth": (after - before).max(axis=2).ravel(),
            "rss_peak": [None] * count,
            "gpu_peak": [None] * count,
        }

    def _runs(self) -> Columns:
        draw = self._draw
        fingerprint, cpu, cores, memory_gb = self._machine
        passed, good = draw.random(TESTS) < 0.97, draw.random(TESTS) < 0.95
        accepted = passed & good
        branch = "main" if draw.random() < 0.6 else f"feature/{int(draw.integers(0, 40))}"
        same = {
            "session_id": self.session_id,
            "dataset": "shapes",
            "partial": False,
            "contended": False,
            "samples": SAMPLES,
            "passes": PASSES,
            "warmup": 1,
            "profile": "detailed",
            "fingerprint": fingerprint,
            "cpu": cpu,
            "cores": cores,
            "memory_gb": memory_gb,
            "system": "Linux x86_64",
            "python": "CPython 3.11.7",
            "gpu": None,
            "libraries": orjson.dumps(LIBRARIES, option=orjson.OPT_SORT_KEYS).decode(),
            "commit": hashlib.sha1(self.session_id.encode()).hexdigest(),
            "branch": branch,
            "dirty": bool(draw.random() < 0.1),
            "version": "0.1.0",
            "models": None,
        }
        ended = self._run_started_us + self._times["offset_ns"][:, -1] // 1_000 + 90_000
        return {
            **{name: [value] * TESTS for name, value in same.items()},
            "run_id": self.run_ids,
            "test_id": self.test_ids,
            "dataset_digest": [hashlib.md5(f"shapes {self._number // 50}".encode()).hexdigest()] * TESTS,
            "started_at": self._run_started_us,
            "finished_at": ended,
            "status": ["passed" if each else "failed" for each in passed],
            "accepted": accepted,
            "accepted_latency": accepted & (draw.random(TESTS) < 0.98),
            "not_accepted_because": [None if each else "accuracy of detect failed" for each in accepted],
            "error": [None] * TESTS,
        }


def _rounded(values: NDArray[np.float64]) -> Ints:
    """Times of 10 significant bits, as `history/rows.py` makes them."""
    step = np.exp2(np.maximum(np.floor(np.log2(np.maximum(values, 1))) - 9, 0))
    return (np.round(values / step) * step).astype(np.int64)


_TEST_NAMES = ("coins", "cells", "roads", "signs", "faces", "plates", "leaves", "parts", "books", "ships")
_IDS = [f"img_{number:04}" for number in range(SAMPLES)]
_STAGE_OF_SPAN = [CALIBRATION_STAGE, *(list(STAGES) * SAMPLES + [CALIBRATION_STAGE]) * PASSES]
_SAMPLE_OF_SPAN = [None, *([name for name in _IDS for _ in STAGES] + [None]) * PASSES]
_PASS_OF_SPAN = [0, *(number for number in range(PASSES) for _ in range(SAMPLES * len(STAGES) + 1))]
