"""What a log has written, read back, and a clock for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

NOON_S = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()


class FakeClock:
    def __init__(self, now_s: float = NOON_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def lines(folder: Path) -> list[dict]:
    (path,) = (folder / "logs").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def events(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "logs").iterdir())
