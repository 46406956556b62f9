"""JSON of others is hostile."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import HistoryError
from pytest_vizart.workflow.importing import asv, github_action, pytest_benchmark, reading
from pytest_vizart.workflow.importing.registry import sources
from pytest_vizart.workflow.importing.rows import named, tables_of
from tests.workflow.importing import results


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no JSON"), (b"{", "no JSON"), (b"\xff\xfe", "no text"), (b"[" * 200_000, "nested too deep"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "a number that cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_json_is_an_error_with_its_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=message) as caught:
        pytest_benchmark.read(path)
    assert caught.value.file == str(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        os.truncate(file.fileno(), reading.MAX_BYTES + 1)  # takes no room on the disk
    with pytest.raises(HistoryError, match="too large"):
        pytest_benchmark.read(path)


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="No such file"):
        pytest_benchmark.read(tmp_path / "absent.json")


@pytest.mark.parametrize("value", [None, "", "  ", 3, True, [], {}])
def test_text_that_says_nothing_is_none(value: Any) -> None:
    assert reading.text(value) is None


def test_text_is_bounded_and_can_be_written() -> None:
    assert reading.text("a" * 10_000) == "a" * 500
    assert reading.text("\ud800") == "\\ud800"


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), 10**400, []])
def test_what_is_no_finite_number_is_none(value: Any) -> None:
    assert reading.number(value) is None
    assert reading.positive(value) is None
    assert reading.whole(value) is None
    assert reading.milliseconds_us(value) is None


@pytest.mark.parametrize("value", ["x", "", 3, None, "9999-12-31T23:59:59", "1800-01-01", "0001-01-01T00:00:00+14:00"])
def test_what_no_clock_said_is_no_moment(value: Any) -> None:
    assert reading.moment_us(value) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    "benchmarks", "datetime", "machine_info", "commit_info", "version", "results", "date", "params", "result_columns",
    "requirements", "python", "entries",
)  # fmt: skip


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4))
def test_nothing_that_json_can_hold_breaks_a_reader(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = tmp_path / "asv"
    if not folder.exists():
        results.asv(folder, {"a.time_it": 1.0})
    (path,) = [path for path in (folder / "machine").iterdir() if path.name != "machine.json"]
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, **changes}))
    results.pytest_benchmark(tmp_path / "a.json", **changes)
    results.data_js(tmp_path / "data.js", changes)
    for read, place in (
        (asv.read, folder), (pytest_benchmark.read, tmp_path / "a.json"), (github_action.read, tmp_path / "data.js"),
    ):  # fmt: skip
        try:
            found = read(place)
            tables_of(found.format, list(named(found.format, found.runs).values()))
        except HistoryError as error:
            assert error.file  # noqa: PT017 - both ways out are right, this one says where
    path.write_text(json.dumps(document))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, JSON, JSON, JSON)
def test_nothing_deeper_down_breaks_a_reader(tmp_path: Path, name: Any, value: Any, params: Any, date: Any) -> None:
    benchmark = {"fullname": name, "stats": {"median": value, "data": params, "rounds": date}}
    found = pytest_benchmark.read(
        results.pytest_benchmark(tmp_path / "a.json", benchmark, commit_info=params, machine_info=date)
    )
    tables_of("x", list(named("x", found.runs).values()))
    entry = results.an_entry({"name": name, "value": value, "unit": params}, date=date, commit=params, tool=value)
    found = github_action.read(results.data_js(tmp_path / "data.js", {"x": [entry, value]}))
    tables_of("x", list(named("x", found.runs).values()))
    folder = tmp_path / "asv"
    if not folder.exists():
        results.asv(folder, {})
    (path,) = [path for path in (folder / "machine").iterdir() if path.name != "machine.json"]
    document = json.loads(path.read_text())
    entry = {"result": value, "params": params, "samples": date}
    changed = {
        **document,
        "results": {"a.b": entry, "c": value, "d": [value, params]},
        "params": {"ram": name, "num_cpu": value},
    }
    path.write_text(json.dumps(changed))
    found = asv.read(folder)
    tables_of("asv", list(named("asv", found.runs).values()))
    path.write_text(json.dumps(document))


def test_a_time_beyond_all_numbers_is_told(tmp_path: Path) -> None:
    path = results.pytest_benchmark(
        tmp_path / "a.json",
        results.a_benchmark("far", median=1e308),
        results.a_benchmark("odd", rounds=1e300, max=1e308, data=[1e308, 1.0]),
        results.a_benchmark("long", rounds=-3, data=[9e6] * 2_000),
    )
    found = pytest_benchmark.read(path)
    assert [(each.place, each.reason) for each in found.skipped] == [
        ("benchmarks[0] far", "its median is no time above zero")
    ]
    _, tables = tables_of(found.format, list(named(found.format, found.runs).values()))
    assert tables["stages"]["wall_max_ns"].to_pylist() == [None, 4_000_000]
    assert "spans" not in tables

    bench = {"name": "far", "value": 1e308, "unit": "s"}
    suites = github_action.read(results.data_js(tmp_path / "data.js", {"s": [results.an_entry(bench)]}))
    assert [each.reason for each in suites.skipped] == ["a time beyond all numbers", "it has no benchmark"]
    asv_folder = results.asv(tmp_path / "asv", {"a.time_far": [[1e308], []], "a.time_b": [[2.0], []]})
    assert [each.reason for each in asv.read(asv_folder).skipped] == ["a time beyond all numbers"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "a" / "pipe.json"
    results.pytest_benchmark(tmp_path / "a.json").rename(tmp_path / "b.json")
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    assert [path.name for path, _ in sources(tmp_path)] == ["b.json"]
    with pytest.raises(HistoryError, match="no regular file"):
        list(sources(pipe))
    with pytest.raises(HistoryError, match="no regular file"):
        pytest_benchmark.read(pipe)
