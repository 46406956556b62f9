"""Lines as they are written, over midnight and from file to file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import orjson

from pytest_vizart.audit.criteria import Line
from pytest_vizart.audit.log_names import FOLDER, parse_name

POLL_S = 0.25


class Follower:
    """What is added to the logs of a folder from the moment on at which it is made.

    A line is told when it is whole. Damaged ones are left out in silence: `AuditQuery` tells of them.
    """

    def __init__(self, output: Path) -> None:
        self._folder = output / FOLDER
        self._positions: dict[str, int] = {}
        self._since: date | None = None
        for path, day in self._files():
            self._positions[path.name] = _end_of_last_line(path)
            self._since = max(day, self._since or day)

    def new_lines(self) -> list[Line]:
        """Return what was added since the last call, by time."""
        lines: list[Line] = []
        for path, _ in self._files():
            with suppress(OSError):
                lines += self._added(path)
        return sorted(lines, key=lambda line: str(line.get("time", "")))

    def lines(self, wait: Callable[[float], None] = time.sleep) -> Iterator[Line]:
        """Yield lines for ever, as they come."""
        while True:
            yield from self.new_lines()
            wait(POLL_S)

    def _files(self) -> list[tuple[Path, date]]:
        """Plain files that can still grow: of the newest day there was, and of later ones."""
        found: list[tuple[Path, date]] = []
        with suppress(OSError):
            for path in sorted(self._folder.iterdir()):
                name = parse_name(path.name)
                if name is None or name.compressed or name.set_aside or not path.is_file():
                    continue
                if self._since is None or name.date >= self._since or path.name in self._positions:
                    found.append((path, name.date))
        return found

    def _added(self, path: Path) -> list[Line]:
        position = self._positions.get(path.name, 0)
        with path.open("rb") as file:
            if file.seek(0, 2) < position:  # deleted, and begun anew
                position = 0
            file.seek(position)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._positions[path.name] = position + end
        lines: list[Line] = []
        for raw in data[:end].splitlines():
            with suppress(orjson.JSONDecodeError):
                line = orjson.loads(raw)
                if isinstance(line, dict):
                    lines.append(line)
        return lines


def _end_of_last_line(path: Path) -> int:
    with suppress(OSError), path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 1_000_000, 0))
        return file.tell() + file.read().rfind(b"\n") + 1
    return 0
