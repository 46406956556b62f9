"""The audit log: what a line costs to write, and how long it takes to find the lines of one run."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import orjson
from loguru._logger import Core, Logger

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.audit.query import AuditQuery

LINES_A_RUN = 80
Write: TypeAlias = Callable[[dict[str, Any]], None]
Figures: TypeAlias = dict[str, dict[str, float]]


def audit_figures(folder: Path, lines: int, rounds: int) -> dict[str, Any]:
    """Return microseconds a written line, and milliseconds until a run is found among so many."""
    return {
        "lines": lines,
        "written_us": _written(folder / "written", max(lines // rounds // 4, 500), rounds),
        "found_ms": _found(folder / "found", lines, rounds),
    }


def figures_of(took: dict[str, list[float]]) -> Figures:
    """times: as long as ours, the median of the ratios of each round."""
    return {
        name: {
            "median": round(median(each), 2),
            "min": round(min(each), 2),
            "times": round(median(own / base for own, base in zip(each, took["ours"], strict=True)), 2),
        }
        for name, each in took.items()
    }


def _fields(number: int) -> dict[str, Any]:
    return {
        "stage": "detect",
        "sample": f"img_{number % 500:04}",
        "input_path": f"golden/shapes/images/img_{number % 500:04}.png",
        "success": True,
        "performance": {"wall_ms": 31.25 + number % 7, "cpu_ms": 30.5, "rss_mb": 412.3},
    }


@contextmanager
def _ours(folder: Path) -> Iterator[Write]:
    log = AuditLog(folder)
    add = log.of_run("5ff31704-e44c-49dd-b12c-6b55d2bf3e63", "tests/test_pipeline.py::test_coins")
    yield lambda fields: add("stage finished", **fields)
    log.close()


@contextmanager
def _loguru_file(folder: Path) -> Iterator[Write]:
    logger = _logger()
    logger.add(folder / "log.jsonl", serialize=True)
    of_run = logger.bind(run_id="5ff31704-e44c-49dd-b12c-6b55d2bf3e63", test="tests/test_pipeline.py::test_coins")
    yield lambda fields: of_run.bind(**fields).info("stage finished")
    logger.remove()


@contextmanager
def _loguru_function(folder: Path) -> Iterator[Write]:
    logger = _logger()
    with (folder / "log.jsonl").open("ab", buffering=0) as file:

        def sink(message: Any) -> None:
            record = message.record
            line = {
                "time": record["time"].isoformat(),
                "level": record["level"].name,
                "event": record["message"],
                **record["extra"],
            }
            file.write(orjson.dumps(line) + b"\n")

        logger.add(sink, format="{message}")
        of_run = logger.bind(run_id="5ff31704-e44c-49dd-b12c-6b55d2bf3e63", test="tests/test_pipeline.py::test_coins")
        yield lambda fields: of_run.bind(**fields).info("stage finished")
        logger.remove()


@contextmanager
def _json_dumps(folder: Path) -> Iterator[Write]:
    own = {"run_id": "5ff31704-e44c-49dd-b12c-6b55d2bf3e63", "test": "tests/test_pipeline.py::test_coins"}
    with (folder / "log.jsonl").open("a", buffering=1, encoding="utf-8") as file:

        def write(fields: dict[str, Any]) -> None:
            line = {"time": datetime.now(UTC).isoformat(), "level": "INFO", "event": "stage finished", **own, **fields}
            file.write(json.dumps(line) + "\n")

        yield write


WAYS = {
    "ours": _ours,
    "Loguru, serialize=True": _loguru_file,
    "Loguru, function sink with orjson": _loguru_function,
    "json.dumps and write": _json_dumps,
}


def _logger() -> Any:
    """A Loguru logger of its own, with default settings."""
    make: Any = Logger
    core: Any = Core
    return make(core(), None, 0, False, False, False, False, True, [], {})


def _written(folder: Path, lines: int, rounds: int) -> Figures:
    fields = [_fields(number) for number in range(lines)]
    took: dict[str, list[float]] = {name: [] for name in WAYS}
    names = list(WAYS)
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            place = folder / f"{names.index(name)}"
            place.mkdir(parents=True, exist_ok=True)
            with WAYS[name](place) as write:
                write(fields[0])
                start = time.perf_counter()
                for each in fields:
                    write(each)
                took[name].append(1e6 * (time.perf_counter() - start) / lines)
    return figures_of(took)


def _found(folder: Path, lines: int, rounds: int) -> Figures:
    """A day's log in one file, plain and compressed; the runs that are asked for lie all over it."""
    run_ids = _write_day(folder / "plain", lines)
    (text,) = (folder / "plain" / "logs").glob("*.jsonl")
    packed = folder / "packed" / "logs" / f"{text.name}.gz"
    packed.parent.mkdir(parents=True)
    packed.write_bytes(gzip.compress(text.read_bytes(), 6))
    ways: dict[str, Callable[[bytes], int]] = {
        "ours": lambda run_id: len(AuditQuery(folder / "plain").run_id(run_id.decode()).fetch()),
        "every line parsed": lambda run_id: _parsed(text.read_bytes(), run_id),
        "bytes.find alone": lambda run_id: _searched(text.read_bytes(), run_id),
        "ours, compressed": lambda run_id: len(AuditQuery(folder / "packed").run_id(run_id.decode()).fetch()),
        "every line parsed, compressed": lambda run_id: _parsed(gzip.decompress(packed.read_bytes()), run_id),
        "gzip.decompress alone": lambda run_id: len(gzip.decompress(packed.read_bytes())) and LINES_A_RUN,
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        run_id = run_ids[(number * 37 + 5) % len(run_ids)]
        for name, way in ways.items():
            start = time.perf_counter()
            found = way(run_id.encode())
            took[name].append(1e3 * (time.perf_counter() - start))
            assert found == LINES_A_RUN, (name, found)
    return figures_of(took)


def _write_day(folder: Path, lines: int) -> list[str]:
    run_ids = [
        f"{number * 2_654_435_761 % 2**32:08x}-e44c-49dd-b12c-6b55d2bf3e63" for number in range(lines // LINES_A_RUN)
    ]
    moments = count()
    log = AuditLog(folder, now=lambda: 1_763_600_000 + next(moments) / 10)
    for run_id in run_ids:
        add = log.of_run(run_id, "tests/test_pipeline.py::test_coins")
        for number in range(LINES_A_RUN):
            add("stage finished", **_fields(number))
    log.close()
    return run_ids


def _parsed(text: bytes, run_id: bytes) -> int:
    wanted = run_id.decode()
    return sum(orjson.loads(line)["run_id"] == wanted for line in text.splitlines())


def _searched(text: bytes, run_id: bytes) -> int:
    count, at = 0, text.find(run_id)
    while at >= 0:
        count += 1
        at = text.find(run_id, at + 1)
    return count
