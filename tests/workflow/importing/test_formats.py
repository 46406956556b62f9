"""Each format, read into runs: what is a time, what is not, and what is left out with file and place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_vizart.errors import HistoryError
from pytest_vizart.workflow.importing import asv, github_action, pytest_benchmark
from pytest_vizart.workflow.importing.model import Timing
from tests.workflow.importing import results


def test_pytest_benchmark_tells_test_times_commit_and_machine(tmp_path: Path) -> None:
    found = pytest_benchmark.read(results.pytest_benchmark(tmp_path / "0001_a.json"))
    (run,) = found.runs
    assert (run.test_id, run.started_us) == ("tests/test_a.py::test_a", 1_709_287_200_500_000)
    assert run.timings == {"benchmark": Timing(2e6, spans=7, min_ns=1e6, max_ns=4e6)}
    assert (run.commit, run.branch, run.dirty, run.version) == ("c0ffee", "main", False, "5.1.0")
    assert (run.origin.cpu, run.origin.cores, run.origin.system) == ("Some CPU", 4, "Linux x86_64")
    assert run.origin.python == "CPython 3.11.7"
    assert found.skipped == []


def test_the_host_and_its_kernel_do_not_split_the_history(tmp_path: Path) -> None:
    info = json.loads(results.pytest_benchmark(tmp_path / "a.json").read_text())["machine_info"]
    one, other = (
        pytest_benchmark.read(results.pytest_benchmark(tmp_path / "a.json", machine_info={**info, **changed})).runs[0]
        for changed in ({}, {"node": "ci-8", "release": "6.2", "python_version": "3.11.9"})
    )
    assert one.origin.facts == other.origin.facts
    assert one != other


def test_rounds_that_were_saved_are_kept(tmp_path: Path) -> None:
    path = results.pytest_benchmark(tmp_path / "a.json", results.a_benchmark(data=[0.001, 0.002, 0.004]))
    assert pytest_benchmark.read(path).runs[0].timings["benchmark"].raw == (1e6, 2e6, 4e6)
    path = results.pytest_benchmark(tmp_path / "a.json", results.a_benchmark(data=[0.001, "x"]))
    assert pytest_benchmark.read(path).runs[0].timings["benchmark"].raw == ()


@pytest.mark.parametrize(
    "entry", [3, {}, {"fullname": ""}, {"fullname": "a"}, {"fullname": "a", "stats": {"median": True}}]
)
def test_a_benchmark_without_name_or_median_is_left_out_and_the_rest_read(tmp_path: Path, entry: object) -> None:
    path = results.pytest_benchmark(tmp_path / "a.json", entry, results.a_benchmark())  # type: ignore[arg-type]
    found = pytest_benchmark.read(path)
    assert len(found.runs) == 1
    (skipped,) = found.skipped
    assert skipped.file == str(path)
    assert (skipped.place or "").startswith("benchmarks[0]")


@pytest.mark.parametrize(
    "changes", [{"benchmarks": {}}, {"datetime": None}, {"datetime": "soon"}, {"datetime": "0001-01-01T00:00:00"}]
)
def test_what_is_no_pytest_benchmark_file_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    path = results.pytest_benchmark(tmp_path / "a.json", **changes)
    with pytest.raises(HistoryError, match="expected") as caught:
        pytest_benchmark.read(path)
    assert caught.value.file == str(path)


def test_data_js_is_runs_of_suites_whose_stages_are_the_benchmarks(tmp_path: Path) -> None:
    entry = results.an_entry(
        {"name": "fib", "value": 254, "unit": "ns/iter"}, {"name": "rate", "value": 1_000, "unit": "ops/sec"},
        {"name": "size", "value": 12, "unit": "bytes"}, {"name": "go", "value": 5, "unit": "ns/op\t   4.000 other"},
    )  # fmt: skip
    found = github_action.read(results.data_js(tmp_path / "data.js", {"Suite": [entry]}))
    (run,) = found.runs
    assert {stage: timing.median_ns for stage, timing in run.timings.items()} == {"fib": 254, "rate": 1e6, "go": 5}
    assert run.gauges == {("size", "bytes"): 12}
    assert (run.test_id, run.commit, run.version) == ("Suite", "45d78258", "cargo")
    assert run.started_us == 1_573_312_140_323_000


@pytest.mark.parametrize("begin", ["BENCHMARK_DATA=", "\ufeff window.BENCHMARK_DATA\t= "])
def test_data_js_is_found_behind_its_assignment(tmp_path: Path, begin: str) -> None:
    path = results.data_js(tmp_path / "data.js", begin=begin)
    path.write_text(path.read_text() + ";\n")
    assert len(github_action.read(path).runs) == 1


def test_data_js_is_never_executed(tmp_path: Path) -> None:
    path = tmp_path / "data.js"
    path.write_text("window.BENCHMARK_DATA = (() => { throw 1 })()")
    with pytest.raises(HistoryError, match="no JSON"):
        github_action.read(path)


def test_parts_of_data_js_that_are_nothing_are_told_with_their_place(tmp_path: Path) -> None:
    good = {"name": "a", "value": 100, "unit": "ns"}
    entries = {
        "Suite": [
            3, results.an_entry(good, date="x"), results.an_entry(),
            results.an_entry(good, 7, {"name": "b", "value": "9"}),
        ],
        "Other": 5,
    }  # fmt: skip
    found = github_action.read(results.data_js(tmp_path / "data.js", entries))
    assert len(found.runs) == 1
    assert [skipped.place for skipped in found.skipped] == [
        "entries.Suite[0]", "entries.Suite[1]", "entries.Suite[2]", "entries.Suite[3].benches[1]",
        "entries.Suite[3].benches[2]", "entries.Other",
    ]  # fmt: skip


def test_asv_tells_modules_as_tests_and_benchmarks_with_parameters_as_stages(tmp_path: Path) -> None:
    folder = results.asv(
        tmp_path / "results",
        {
            "units.time_parse": 0.0015,
            "units.Suite.time_it": {"params": [["1", "2"], ["'a'"]], "result": [0.1, None]},
            "units.mem_it": 344,
            "time_alone": {"result": [2.0]},
        },
        units={"units.time_parse": "seconds", "units.Suite.time_it": "seconds", "units.mem_it": "bytes"},
    )
    found = asv.read(folder)
    runs = {run.test_id: run for run in found.runs}
    assert runs["units"].timings == {"time_parse": Timing(1.5e6)}
    assert runs["units"].gauges == {("mem_it", "bytes"): 344}
    assert runs["units.Suite"].timings == {"time_it(1, 'a')": Timing(1e8)}
    assert runs["time_alone"].timings == {"time_alone": Timing(2e9)}
    (skipped,) = found.skipped
    assert skipped.place == "results.units.Suite.time_it(2, 'a')"
    run = runs["units"]
    assert (run.commit, run.started_us) == ("fcf8c079", 1_367_127_519_000_000)
    assert (run.origin.cpu, run.origin.cores, run.origin.memory_gb) == ("i5", 4, 8)
    assert run.origin.libraries == {"numpy": "2.0"}


def test_asv_files_of_version_2_name_their_columns_once(tmp_path: Path) -> None:
    folder = results.asv(
        tmp_path / "results",
        {"a.time_it": [[0.25], [], "v1", 1, 2, [[0.2, 0.3]]], "a.time_one": [[0.5]]},
        result_columns=["result", "params", "version", "started_at", "duration", "samples"],
    )
    (run,) = asv.read(folder).runs
    assert run.timings["time_it"] == Timing(2.5e8, spans=2, raw=(2e8, 3e8))
    assert run.timings["time_one"] == Timing(5e8)


def test_asv_nan_is_a_benchmark_that_was_skipped(tmp_path: Path) -> None:
    folder = results.asv(tmp_path / "results", {"a.time_it": float("nan"), "a.time_two": 1.0})
    found = asv.read(folder)
    assert list(found.runs[0].timings) == ["time_two"]
    assert [skipped.reason for skipped in found.skipped] == ["no value: it failed, or was skipped, there"]


def test_asv_parameters_without_end_are_not_unfolded(tmp_path: Path) -> None:
    bomb = {"params": [list(map(str, range(1_000)))] * 30, "result": [1.0]}
    found = asv.read(results.asv(tmp_path / "results", {"a.time_it": bomb}))
    assert (found.runs, len(found.skipped)) == ([], 1)


def test_one_bad_results_file_of_asv_leaves_the_others(tmp_path: Path) -> None:
    folder = results.asv(tmp_path / "results", {"a.time_it": 1.0})
    (folder / "machine" / "bad.json").write_text('{"results": 3}')
    (folder / "machine" / "worse.json").write_text("{")
    found = asv.read(folder)
    assert len(found.runs) == 1
    assert [Path(skipped.file).name for skipped in found.skipped] == ["bad.json", "worse.json"]


def test_runs_are_what_they_hold(tmp_path: Path) -> None:
    """Equal content gives equal records, which their IDs rest on."""
    path = results.data_js(tmp_path / "data.js")
    (one,), (other,) = github_action.read(path).runs, github_action.read(path).runs
    assert one == other
    assert one != replace(one, commit="other")
