"""The audit log: `logs/{date}.jsonl`, one JSON object a line, every line with the ID of its run.

Loguru has one global logger, whose sinks belong to the application. The audit log must neither print to them nor be
switched off by them, so it uses a logger with a core of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from loguru._logger import Core, Logger

from pytest_vizart.errors import warn
from pytest_vizart.records.text import escaped

if TYPE_CHECKING:
    import loguru


class AuditLog:
    """Writes the trail of a session's runs.

    A line holds time (ISO 8601, UTC), level, event, run_id, and what the event knows: test, stage, sample, input and
    output paths, error with traceback, performance. A log that cannot be written is warned of once.
    """

    def __init__(self, output: Path) -> None:
        self._folder = output / "logs"
        self._silent = False
        # The constructor's arguments are Loguru's own defaults; the dependency is pinned below 0.8 for it.
        self._logger: loguru.Logger = Logger(  # type: ignore[no-untyped-call, assignment]
            core=Core(),  # type: ignore[no-untyped-call]
            exception=None,
            depth=0,
            record=False,
            lazy=False,
            colors=False,
            raw=False,
            capture=False,
            patchers=[],
            extra={},
        )
        self._logger.add(self._sink, format="{message}", level="DEBUG", catch=False)

    def of_run(self, run_id: str, test_id: str) -> Callable[..., None]:
        """Return a function that adds lines to the trail of one run."""

        def add(event: str, /, *, level: str = "INFO", **fields: Any) -> None:
            self.write(event, run_id, level, {**fields, "test": test_id})

        return add

    def write(self, event: str, run_id: str, level: str = "INFO", fields: Mapping[str, Any] | None = None) -> None:
        """Add one line. Fields that are None are left out; time, level, event and run_id are the line's own."""
        if self._silent:
            return
        own = ("time", "level", "event", "run_id")
        known = {name: value for name, value in (fields or {}).items() if value is not None and name not in own}
        try:
            self._logger.bind(run_id=run_id, **known).log(level, event)
        except Exception as error:  # noqa: BLE001 - whatever the log does, the test goes on
            self._silent = True
            warn(f"{self._folder}: the audit log is no longer written ({error}); hint: see --vizart-output")

    def close(self) -> None:
        self._logger.remove()

    def _sink(self, message: loguru.Message) -> None:
        record = message.record
        now = datetime.now(UTC)
        line = _line({"time": now, "level": record["level"].name, "event": record["message"], **record["extra"]})
        self._folder.mkdir(parents=True, exist_ok=True)
        # One write to a descriptor opened for appending: lines of several processes do not mix.
        descriptor = os.open(self._folder / f"{now:%Y-%m-%d}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def _line(fields: dict[str, Any]) -> bytes:
    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
    try:
        return orjson.dumps(fields, default=str, option=options)
    except TypeError:  # a text with half a surrogate pair, such as the name of a file that is no Unicode
        texts = {name: escaped(str(value)) for name, value in fields.items()}
        return orjson.dumps(texts, option=options)
