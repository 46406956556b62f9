"""The audit log: `logs/{date}.jsonl`, one JSON object a line, every line with the ID of its run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pytest_vizart.audit.levels import LEVELS, standard_level
from pytest_vizart.audit.line_logger import line_logger
from pytest_vizart.audit.lines import encoded
from pytest_vizart.audit.log_file import MAX_BYTES, LogFile
from pytest_vizart.audit.log_names import FOLDER
from pytest_vizart.errors import warn

if TYPE_CHECKING:
    import loguru

_DAY = slice(len('{"time":"'), len('{"time":"2026-11-20'))
_OWN = frozenset(("time", "level", "event", "run_id", "test"))


class RunLog(Protocol):
    """Adds a line to the audit trail of one run."""

    def __call__(self, event: str, /, *, level: str = "INFO", **fields: Any) -> None: ...


class AuditLog:
    """Writes the trail of a session's runs.

    A line holds time (ISO 8601, UTC), level, event, run_id, test, and what the event knows: stage, sample, input and
    output paths, success, error with traceback, performance. Fields that are None are left out. A log that cannot be
    written is warned of once, and tried again when the next run begins; so is a line that cannot be made, alone.

    Args:
        output: output folder; lines go to `logs/{date}.jsonl` in it, beyond `max_bytes` to `logs/{date}.2.jsonl`, ...
        part: names files of one's own, `logs/{date}.{part}.jsonl`: of a machine, or of a part of a session.
        now: the clock, in seconds since 1970.
    """

    def __init__(
        self,
        output: Path,
        part: str | None = None,
        *,
        max_bytes: int = MAX_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = output / FOLDER
        self._file = LogFile(self._folder, part, max_bytes)
        self._now, self._clock = now, _clock_of(now)
        self._silent = False
        self._untold: str | None = None
        self._told: set[str] = set()
        self._logger = line_logger()
        # The filter appends the line and lets nothing pass: for a sink Loguru formats, copies and takes a lock that is
        # not re-entrant, so that a signal handler could not log, and that costs a fifth of a line.
        self._logger.add(_no_sink, format="", level=0, filter=self._append, catch=False)

    def of_run(self, run_id: str, test_id: str | None) -> RunLog:
        """Return a function that adds lines to the trail of one run, which begins."""
        self._silent = False
        return self._adder(run_id, test_id)

    def _adder(self, run_id: str, test_id: str | None) -> RunLog:
        own = {"run_id": run_id} if test_id is None else {"run_id": run_id, "test": test_id}
        log, clock = self._logger.bind(**own).log, self._clock

        def add(event: str, /, *, level: str = "INFO", **fields: Any) -> None:
            if self._silent:
                return
            try:
                if level not in LEVELS:
                    level = standard_level(level)
                line = {"time": clock(), "level": level, "event": event, **own}
                for name, value in fields.items():
                    if value is not None and name not in _OWN:
                        line[name] = value
                log(level, encoded(line).decode())
            except OSError as error:
                self._silent = True
                self._tell(f"the audit log is not written ({error}); hint: see --vizart-output")
            except Exception as error:  # noqa: BLE001 - whatever the log does, the test goes on
                self._untold = type(error).__name__
                try:  # noqa: SIM105 - `suppress` takes more room than there may be on the stack
                    self._tell_dropped()
                except Exception:  # noqa: BLE001 - nor in memory: it is told later
                    pass
            else:
                if self._untold is not None:
                    self._tell_dropped()

        return add

    def write(self, event: str, run_id: str, level: str = "INFO", fields: Mapping[str, Any] | None = None) -> None:
        """Add one line of any run; its test is among the fields. Who writes more than one takes `of_run`."""
        known = {name: value for name, value in (fields or {}).items() if name not in ("level", "event")}
        self._adder(run_id, known.pop("test", None))(event, level=level, **known)

    def close(self) -> None:
        """Write no more."""
        self._logger.remove()
        self._file.close()
        self._tell_dropped()

    def _append(self, record: loguru.Record) -> bool:
        line = record["message"]
        self._file.append(line.encode(), line[_DAY], self._now())
        return False

    def _tell_dropped(self) -> None:
        if self._untold is not None:
            self._tell(f"lines of the audit log are left out ({self._untold})")
            self._untold = None

    def _tell(self, what: str) -> None:
        kind = what.partition(" (")[0]
        if kind not in self._told:
            warn(f"{self._folder}: {what}")
            self._told.add(kind)


def _clock_of(now: Callable[[], float]) -> Callable[[], str]:
    """Return what tells the time as ISO 8601, UTC; the part that stays the same for a second is made once."""
    known = (0, "1970-01-01T00:00:00")

    def text() -> str:
        nonlocal known
        second, microsecond = divmod(round(now() * 1e6), 1_000_000)
        last, until_second = known
        if second != last:
            until_second = datetime.fromtimestamp(second, UTC).isoformat()[:19]
            known = second, until_second
        return f"{until_second}.{microsecond:06}+00:00"

    return text


def _no_sink(message: object) -> None:
    """Never called."""
