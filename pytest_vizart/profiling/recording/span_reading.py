"""Span journals as they are read: their records and their lines, whole, torn, or of a run under way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.profiling.recording.span_file import GROUPS, RECORD_BYTES

_FIELDS: dict[str, tuple[str, int]] = {
    "stage": ("<u4", 0),
    "place": ("<u4", 4),
    "parent": ("<i8", 8),
    "start": ("<i8", 16),
    "wall": ("<i8", 24),
    "error": ("<u4", 32),
    "groups": ("<u4", 36),
    **{name: ("<i8", start + 8 * index) for start, names in GROUPS.values() for index, name in enumerate(names)},
}
_RECORD = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": [kind for kind, _ in _FIELDS.values()],
        "offsets": [start for _, start in _FIELDS.values()],
        "itemsize": RECORD_BYTES,
    }
)
Records = NDArray[Any]
_VALUES = {"header": 1, "about": 1, "stage": 2, "place": 7, "error": 2, "measure": 6}
"""Kind of line -> how many values it has."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the run a span stands."""

    sample_id: str | None = None
    pass_index: int = 0
    warmup: bool = False
    items: int = 1
    at_ns: int = 0
    input_path: str | None = None


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One journal, read."""

    header: dict[str, Any]
    records: Records
    stages: dict[int, str] = field(default_factory=dict)
    places: dict[int, Place] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    measures: list[list[Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.header.get("name"))

    @property
    def process(self) -> int:
        return int(self.header["pid"])


def read_files(
    folder: Path, token: str = "", *, on_damage: Callable[[str], None] = lambda message: None
) -> list[ReadFile]:
    """Read the journals in a folder, the ones of one run or all; what cannot be read is left out.

    `on_damage` is told of what is damaged, where nobody writes it any more.
    """
    found: list[ReadFile] = []
    try:
        paths = sorted(folder.glob(f"{token}*.jsonl"))
    except OSError:  # no descriptor is left
        return found
    for path in paths:
        text = records = b""
        try:
            text, records = path.read_bytes(), path.with_suffix(".spans").read_bytes()
            lines = [line for line in _lines(text) if _is_known(line)]
            found.append(parsed(lines, records))
            if len(lines) < text.count(b"\n"):
                on_damage(f"{path}: lines of this span journal are damaged and are left out")
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            if text or records.strip(b"\0"):  # else it was made at this very moment
                on_damage(f"{path}: this span journal is damaged and is left out ({type(error).__name__})")
    return found


def parsed(lines: Sequence[Sequence[Any]], buffer: Any) -> ReadFile:
    """Return a journal from its lines and its records.

    Raises:
        ValueError, KeyError, TypeError, IndexError: it is damaged beyond use.
    """
    by_kind: dict[str, list[Any]] = {kind: [] for kind in _VALUES}
    for kind, *values in lines:
        by_kind[kind].append(values)
    view = memoryview(buffer)
    size = len(view) - len(view) % RECORD_BYTES
    records = np.frombuffer(view[:size], dtype=_RECORD)
    used = np.flatnonzero(records["stage"])
    # A copy: the buffer of a run under way changes, and cannot be let go while an array looks at it.
    records = records[: int(used[-1]) + 1 if len(used) else 0].copy()
    header = dict(by_kind["header"][0][0])
    for (about,) in by_kind["about"]:
        header |= about
    for key in ("pid", "clock_ns", "epoch_us"):
        header[key] = int(header[key])
    return ReadFile(
        header=header,
        records=records,
        stages={int(number): str(name) for number, name in by_kind["stage"]},
        places={int(values[0]): Place(*values[1:]) for values in by_kind["place"]},
        errors={int(number): str(name) for number, name in by_kind["error"]},
        measures=by_kind["measure"],
    )


def median_wall_ns(buffer: Any, number: int) -> float:
    """Return the median wall time of a stage's spans so far, in nanoseconds."""
    records = np.frombuffer(buffer, dtype=_RECORD)
    mine = (records["stage"] == number) & (records["groups"] != 0)
    return float(np.median(records["wall"][mine])) if mine.any() else float("inf")


def _lines(text: bytes) -> Iterator[list[Any]]:
    for line in text.split(b"\n"):
        try:
            value = json.loads(line)
        except ValueError:
            continue  # the last line of a process that was killed, or the empty end
        if isinstance(value, list) and value:
            yield value


def _is_known(line: Sequence[Any]) -> bool:
    return isinstance(line[0], str) and _VALUES.get(line[0]) == len(line) - 1
