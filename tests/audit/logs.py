"""Logs to ask: many runs as a session writes them, and lines of every kind."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from pytest_vizart.audit.lines import encoded

STAGES = ("load", "decode", "resize", "detect", "classify", "track", "fuse", "write")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_line(number: int = 0, /, **fields: Any) -> dict[str, Any]:
    return {
        "time": NOON + timedelta(seconds=number),
        "level": "INFO",
        "event": "stage finished",
        "run_id": "r1",
        "test": "test_x.py::test_x",
    } | fields


def trail(number: int, when: datetime = NOON) -> Iterator[dict[str, Any]]:
    """The lines of one run of 8 stages that passed; its ID is the same for the same number."""
    own = {"run_id": run_id(number), "test": f"tests/test_pipeline.py::test_{number % 7}"}
    moment = when + timedelta(milliseconds=number)
    yield {"time": moment, "level": "INFO", "event": "run started", **own, "dataset": "coins", "samples": 50}
    for position, stage in enumerate(STAGES):
        yield {
            "time": moment, "level": "INFO", "event": "stage finished", **own, "stage": stage, "success": True,
            "spans": 150, "errors": 0, "wall_ms": 1.5 + position, "cpu_ms": 1.25 + position, "memory_mb": 512.5,
        }  # fmt: skip
    yield {"time": moment, "level": "INFO", "event": "run finished", **own, "status": "passed", "success": True}


def run_id(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def write_log(output: Path, lines: Iterable[dict[str, Any]], name: str = "2026-11-20.jsonl") -> Path:
    """Append lines to a log file as the log itself writes them."""
    path = output / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.writelines(encoded(line) for line in lines)
    return path


def as_read(line: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = orjson.loads(encoded(line))
    return read
