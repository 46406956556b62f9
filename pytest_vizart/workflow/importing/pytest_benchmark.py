"""Results of pytest-benchmark: the files of `.benchmarks/` and of `--benchmark-json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_vizart.workflow.importing.model import Imported, ImportedRun, Origin, Timing
from pytest_vizart.workflow.importing.reading import (
    in_ns,
    items,
    mapping,
    moment_us,
    parse,
    positive,
    read_text,
    refuse,
    sequence,
    text,
    whole,
)

NAME = "pytest-benchmark"
STAGE = "benchmark"
_MAX_RAW = 100_000


def accepts(path: Path, head: str) -> bool:
    """Whether a file may be of this format, told by its first characters."""
    return path.suffix == ".json" and any(f'"{word}"' in head for word in ("machine_info", "benchmarks", "fullname"))


def read(path: Path) -> Imported:
    """Read one file: each benchmark becomes a run of its test, with the one stage `benchmark`."""
    document = parse(read_text(path), path)
    if not isinstance(document, dict) or not isinstance(document.get("benchmarks"), list):
        refuse(path, "benchmarks", "a list of benchmarks, as pytest-benchmark writes it", type(document).__name__)
    started_us = moment_us(document.get("datetime"))
    if started_us is None:
        refuse(path, "datetime", "a time in ISO 8601", document.get("datetime"))
    found = Imported(str(path), NAME)
    code = mapping(document.get("commit_info"))
    version = text(document.get("version"))
    for position, benchmark in items(document["benchmarks"]):
        name = text(mapping(benchmark).get("fullname")) or text(mapping(benchmark).get("name"))
        place = f"benchmarks[{position}]"
        if benchmark is None or name is None:
            found.skip(place, "no benchmark: it has no name")
            continue
        timing = _timing(mapping(benchmark.get("stats")))
        if timing is None:
            found.skip(f"{place} {name}", "its median is no time above zero")
            continue
        found.runs.append(
            ImportedRun(
                name,
                started_us,
                {STAGE: timing},
                origin=_origin(mapping(document.get("machine_info"))),
                commit=text(code.get("id")),
                branch=text(code.get("branch")),
                dirty=code.get("dirty") if isinstance(code.get("dirty"), bool) else None,
                version=version,
            )
        )
    return found


def _timing(stats: dict[str, Any]) -> Timing | None:
    median_ns = in_ns(stats.get("median"))
    if median_ns is None:
        return None
    raw = [in_ns(value) for value in sequence(stats.get("data"))[: _MAX_RAW + 1]]
    rounds = tuple(value for value in raw if value is not None)
    return Timing(
        median_ns,
        spans=whole(positive(stats.get("rounds"))) or len(rounds) or 1,
        min_ns=in_ns(stats.get("min")),
        max_ns=in_ns(stats.get("max")),
        # Half a series would have percentiles of its own.
        raw=rounds if len(rounds) == len(raw) <= _MAX_RAW else (),
    )


def _origin(machine: dict[str, Any]) -> Origin:
    cpu = mapping(machine.get("cpu"))
    brand = text(cpu.get("brand_raw")) or text(cpu.get("brand"))
    system = " ".join(filter(None, (text(machine.get("system")), text(machine.get("machine")))))
    version = text(machine.get("python_version")) or ""
    implementation = text(machine.get("python_implementation")) or "Python"
    cores = whole(cpu.get("count"))
    # The name of the host and the kernel's version change from one CI job to the next.
    facts = (brand or "", str(cores or ""), system, implementation, ".".join(version.split(".")[:2]))
    return Origin(
        facts, cpu=brand or text(machine.get("processor")), cores=cores, system=system or None,
        python=f"{implementation} {version}".strip() if version else None,
    )  # fmt: skip
