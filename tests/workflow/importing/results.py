"""Results as pytest-benchmark, asv and github-action-benchmark write them, made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def pytest_benchmark(path: Path, *benchmarks: dict[str, Any], **changes: Any) -> Path:
    document = {
        "machine_info": {
            "node": "ci-7", "machine": "x86_64", "system": "Linux", "release": "6.1", "python_version": "3.11.7",
            "python_implementation": "CPython", "cpu": {"brand_raw": "Some CPU", "count": 4},
        },
        "commit_info": {"id": "c0ffee", "branch": "main", "dirty": False},
        "datetime": "2024-03-01T10:00:00.500000+00:00",
        "version": "5.1.0",
        "benchmarks": benchmarks or (a_benchmark(),),
    }  # fmt: skip
    path.write_text(json.dumps({**document, **changes}))
    return path


def a_benchmark(name: str = "tests/test_a.py::test_a", **stats: Any) -> dict[str, Any]:
    return {
        "fullname": name,
        "name": name,
        "stats": {"median": 0.002, "min": 0.001, "max": 0.004, "rounds": 7, **stats},
    }


def data_js(path: Path, entries: Any = None, *, begin: str = "window.BENCHMARK_DATA = ") -> Path:
    if entries is None:
        entries = {"Suite": [an_entry({"name": "fib", "value": 254, "unit": "ns/iter", "range": "± 3"})]}
    path.write_text(begin + json.dumps({"lastUpdate": 1, "entries": entries}))
    return path


def an_entry(*benches: Any, date: Any = 1_573_312_140_323, **changes: Any) -> dict[str, Any]:
    return {"commit": {"id": "45d78258"}, "date": date, "tool": "cargo", "benches": list(benches), **changes}


def asv(folder: Path, results: dict[str, Any], *, units: dict[str, str] | None = None, **changes: Any) -> Path:
    (folder / "machine").mkdir(parents=True)
    index = {name: {"name": name, "unit": unit} for name, unit in (units or {}).items()}
    (folder / "benchmarks.json").write_text(json.dumps({**index, "version": 2}))
    params = {"arch": "x86_64", "cpu": "i5", "machine": "m", "num_cpu": "4", "os": "Linux", "ram": "8.2G"}
    document = {
        "commit_hash": "fcf8c079", "date": 1_367_127_519_000, "params": params, "python": "3.11", "version": 2,
        "requirements": {"numpy": "2.0"}, "results": results, **changes,
    }  # fmt: skip
    (folder / "machine" / "machine.json").write_text("{}")
    (folder / "machine" / "fcf8c079-py3.11.json").write_text(json.dumps(document))
    return folder
