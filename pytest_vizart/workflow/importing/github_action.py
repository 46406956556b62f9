"""The `data.js` of github-action-benchmark: JSON behind an assignment. It is parsed, never executed."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from pytest_vizart.workflow.importing.model import Imported, ImportedRun, Origin, Timing
from pytest_vizart.workflow.importing.reading import (
    items,
    mapping,
    milliseconds_us,
    number,
    parse,
    read_text,
    refuse,
    text,
)
from pytest_vizart.workflow.importing.units import nanoseconds

NAME = "github-action-benchmark"
_ASSIGNMENT = re.compile(r"\s*(?:window\.)?BENCHMARK_DATA\s*=\s*")


def accepts(path: Path, head: str) -> bool:
    """Whether a file may be of this format, told by its first characters."""
    return _ASSIGNMENT.match(head) is not None


def read(path: Path) -> Imported:
    """Read one file: each entry of a suite becomes a run, and its benchmarks are the stages."""
    whole = read_text(path)
    begin = _ASSIGNMENT.match(whole)
    if begin is None:
        refuse(path, "line 1", "window.BENCHMARK_DATA = {...}", whole[:40])
    document = parse(whole[begin.end() :].rstrip().removesuffix(";"), path, offset=begin.end())
    suites = mapping(document).get("entries")
    if not isinstance(suites, dict):
        refuse(path, "entries", "suites by name", type(suites).__name__)
    found = Imported(str(path), NAME)
    for suite, entries in suites.items():
        name = text(suite)
        if name is None or not isinstance(entries, list):
            found.skip(f"entries.{suite}", "no suite: a name with a list of entries is expected")
            continue
        for position, entry in items(entries):
            _read_entry(found, name, f"entries.{name}[{position}]", mapping(entry))
    return found


def _read_entry(found: Imported, suite: str, place: str, entry: dict[str, Any]) -> None:
    started_us = milliseconds_us(entry.get("date"))
    if started_us is None:
        found.skip(place, "it has no date in milliseconds")
        return
    timings: dict[str, Timing] = {}
    gauges: dict[tuple[str, str], float] = {}
    for position, bench in items(entry.get("benches")):
        name, value = text(mapping(bench).get("name")), number(mapping(bench).get("value"))
        if bench is None or name is None or value is None:
            found.skip(f"{place}.benches[{position}]", "no benchmark: a name with a number is expected")
            continue
        unit = _unit(bench.get("unit"))
        wall_ns = nanoseconds(value, unit)
        if wall_ns == math.inf:
            found.skip(f"{place}.benches[{position}]", "a time beyond all numbers")
        elif wall_ns is None:
            gauges[name, unit or "value"] = value
        else:
            timings[name] = Timing(wall_ns)
    if not timings and not gauges:
        found.skip(place, "it has no benchmark")
        return
    commit = mapping(entry.get("commit"))
    tool = text(entry.get("tool"))
    found.runs.append(
        ImportedRun(
            suite,
            started_us,
            timings,
            gauges,
            # No file tells the machine; runs of one suite and tool are compared with each other.
            Origin((suite, tool or "")),
            commit=text(commit.get("id")),
            version=tool,
        )
    )


def _unit(value: Any) -> str:
    """The unit; what Go's output has behind a tab is another figure."""
    return (text(value) or "").split("\t")[0].strip()
