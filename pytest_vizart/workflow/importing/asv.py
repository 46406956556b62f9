"""Results of asv (airspeed velocity): a folder with `benchmarks.json`, and one of results for each machine."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_vizart.errors import HistoryError
from pytest_vizart.workflow.importing.model import Imported, ImportedRun, Origin, Timing
from pytest_vizart.workflow.importing.reading import (
    in_ns,
    mapping,
    milliseconds_us,
    number,
    parse,
    read_text,
    refuse,
    sequence,
    text,
    told,
    whole,
)
from pytest_vizart.workflow.importing.units import nanoseconds

NAME = "asv"
INDEX = "benchmarks.json"
NO_VALUE = "no value: it failed, or was skipped, there"
_MACHINE = "machine.json"
_MAX_VALUES = 10_000  # of one benchmark, over all its parameters
_MAX_RAW = 100_000
_WORDS = ("arch", "cpu", "machine", "os", "ram", "num_cpu", "python")


@dataclass(frozen=True, slots=True)
class _Result:
    """What one benchmark of a results file says; one value for each combination of parameters."""

    values: list[Any]
    params: list[list[Any]]
    samples: list[Any]


def is_results(folder: Path) -> bool:
    """Whether a folder is asv's folder of results."""
    return (folder / INDEX).is_file()


def read(folder: Path) -> Imported:
    """Read a folder of results.

    Each results file is a commit on a machine; the benchmarks of one module or class in it become a run, and each of
    them, with its parameters, a stage. What failed (null) and what was skipped (NaN) is left out.
    """
    index = folder / INDEX
    units = _units(parse(read_text(index), index), index)
    found = Imported(str(folder), NAME)
    for path in sorted(folder.glob("*/*.json")):
        if path.name == _MACHINE:
            continue
        try:
            _read_file(found, path, units)
        except HistoryError as error:
            found.skip(error.place, told(error), str(path))
    return found


def _units(document: Any, path: Path) -> dict[str, str]:
    if not isinstance(document, dict):
        refuse(path, "the whole", "benchmarks by name", type(document).__name__)
    return {name: text(mapping(each).get("unit")) or "" for name, each in document.items() if isinstance(each, dict)}


def _read_file(found: Imported, path: Path, units: Mapping[str, str]) -> None:
    document = parse(read_text(path), path)
    results = mapping(document).get("results")
    if not isinstance(results, dict):
        refuse(path, "results", "results by benchmark", type(results).__name__)
    started_us = milliseconds_us(document.get("date"))
    if started_us is None:
        refuse(path, "date", "milliseconds since 1970", document.get("date"))
    columns = document.get("result_columns")
    timings: dict[str, dict[str, Timing]] = {}
    gauges: dict[str, dict[tuple[str, str], float]] = {}
    for name, entry in results.items():
        test_id, stage = _parted(text(name) or "")
        result = _result(entry, columns)
        if result is None or not stage:
            found.skip(f"results.{name}", "no result that can be read", str(path))
            continue
        unit = units.get(name, "seconds" if stage.startswith("time_") else "value")
        for label, value, samples in _values(result):
            if value is None:
                found.skip(f"results.{name}{label}", NO_VALUE, str(path))
            elif (wall_ns := nanoseconds(value, unit)) == math.inf:
                found.skip(f"results.{name}{label}", "a time beyond all numbers", str(path))
            elif wall_ns is not None:
                timings.setdefault(test_id, {})[stage + label] = _timing(wall_ns, samples)
            else:
                gauges.setdefault(test_id, {})[stage + label, unit or "value"] = value
    for test_id in dict.fromkeys((*timings, *gauges)):
        found.runs.append(
            ImportedRun(
                test_id,
                started_us,
                timings.get(test_id, {}),
                gauges.get(test_id, {}),
                _origin(document),
                commit=text(document.get("commit_hash")),
                version=_version(document),
            )
        )


def _parted(name: str) -> tuple[str, str]:
    """Module or class, and benchmark: `time_units.Unit.time_parse` is `time_parse` of `time_units.Unit`."""
    test_id, dot, stage = name.rpartition(".")
    return (test_id, stage) if dot else (name, name)


def _result(entry: Any, columns: Any) -> _Result | None:
    """The result as any version of asv writes it: a value, an object, or a list whose columns are named once."""
    if isinstance(entry, list):
        names = columns if isinstance(columns, list) else ["result", "params"]
        entry = {name: value for name, value in zip(names, entry, strict=False) if isinstance(name, str)}
    if not isinstance(entry, dict):
        return _Result([entry], [], []) if entry is None or number(entry) is not None or _is_nan(entry) else None
    values = entry.get("result")
    params = [each for each in sequence(entry.get("params")) if isinstance(each, list)]
    if not isinstance(values, list):
        values = [values]
    if math.prod(map(len, params)) > _MAX_VALUES or len(values) > _MAX_VALUES:
        return None
    return _Result(values, params, sequence(entry.get("samples")))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _values(result: _Result) -> Iterator[tuple[str, float | None, Any]]:
    """Parameters as "(2, 'a')", the value, and the samples that it is of."""
    labels = itertools.product(*result.params) if result.params else iter([()])
    for value, label, samples in itertools.zip_longest(result.values, labels, result.samples):
        if label is None:
            return  # more values than combinations of parameters
        label_text = f"({', '.join(str(text(each) or each) for each in label)})" if label else ""
        yield label_text, number(value), samples


def _timing(wall_ns: float, samples: Any) -> Timing:
    raw = [in_ns(value) for value in sequence(samples)[:_MAX_RAW]]
    rounds = tuple(value for value in raw if value is not None)
    return Timing(wall_ns, spans=len(rounds) or 1, raw=rounds if len(rounds) == len(raw) else ())


def _origin(document: dict[str, Any]) -> Origin:
    params = mapping(document.get("params"))
    words = {name: text(params.get(name)) for name in _WORDS}
    python = text(document.get("python")) or words["python"]
    libraries = {
        name: version
        for name, value in mapping(document.get("requirements")).items()
        if (version := text(value)) is not None
    }
    facts = (*(f"{name}={words[name]}" for name in _WORDS if words[name]), *map("=".join, sorted(libraries.items())))
    return Origin(
        facts,
        cpu=words["cpu"],
        cores=whole(params.get("num_cpu")) or _digits(words["num_cpu"]),
        memory_gb=_gigabytes(words["ram"]),
        system=" ".join(filter(None, (words["os"], words["arch"]))) or None,
        python=f"Python {python}" if python else None,
        libraries=libraries,
    )


def _digits(value: str | None) -> int | None:
    return int(value) if value is not None and re.fullmatch("[0-9]{1,4}", value) else None


def _gigabytes(ram: str | None) -> int | None:
    """ "8.2G", or kilobytes without a unit, as Linux tells them."""
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]+)?)\s*(G|GB|M|MB|)", ram or "", re.IGNORECASE)
    if found is None:
        return None
    unit = {"g": 1.0, "m": 1e-3, "": 2.0**-20}[found[2][:1].lower()]
    return round(float(found[1]) * unit)


def _version(document: dict[str, Any]) -> str | None:
    version = whole(document.get("version"))
    return None if version is None else f"results {version}"
