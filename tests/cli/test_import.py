"""`vizart import`: what other programs measured becomes runs of the history."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from pytest_vizart.cli.baseline import accept
from pytest_vizart.cli.import_ import import_
from pytest_vizart.cli.stats import stats
from pytest_vizart.cli.trends import trends
from pytest_vizart.history.compaction import compact, remove_runs
from pytest_vizart.history.reader import History
from pytest_vizart.storage.folder import FolderStore
from tests.cli.histories import HOSTILE, keep, run_with, vizart
from tests.history.sessions import keep_session
from tests.workflow.importing import results

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
needs_real = pytest.mark.skipif(not SHARED.is_dir(), reason="the real data is not beside this checkout")


def imported(output: Path, *arguments: str | Path) -> list[dict[str, Any]]:
    result = vizart(import_, output, *map(str, arguments), "--json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["imported"]
    return found


def counted(output: Path) -> dict[str, int]:
    history = History(output)
    tables = {
        "runs": history.runs(),
        "stages": history.stages(),
        "spans": history.spans(),
        "measures": history.measures(),
    }
    return {name: table.num_rows for name, table in tables.items()}


def test_a_run_is_marked_as_imported_and_is_no_baseline(tmp_path: Path) -> None:
    keep(tmp_path / "out", "s1", run_with("ours", {"detect": 1}))
    path = results.pytest_benchmark(tmp_path / "a.json", results.a_benchmark(data=[0.001, 0.003]))
    (told,) = imported(tmp_path / "out", path)
    assert (told["format"], told["runs"], told["known"], told["tests"]) == (
        "pytest-benchmark", 1, 0, ["tests/test_a.py::test_a"],
    )  # fmt: skip
    assert told["first"] == "2024-03-01T10:00:00.500000+00:00"
    history = History(tmp_path / "out")
    run, ours = history.runs().to_pylist()
    assert (run["status"], run["accepted"], run["accepted_latency"]) == ("passed", False, False)
    assert run["not_accepted_because"] == "imported from pytest-benchmark"
    assert (run["version"], run["commit"], run["branch"]) == ("pytest-benchmark 5.1.0", "c0ffee", "main")
    assert (run["cpu"], run["cores"], run["memory_gb"]) == ("Some CPU", 4, None)
    assert run["fingerprint"].startswith("imported-")
    assert run["fingerprint"] != ours["fingerprint"]
    (stage,) = history.stages(run_ids=[run["run_id"]]).to_pylist()
    assert (stage["stage"], stage["wall_median_ns"], stage["wall_max_ns"]) == ("benchmark", 2_000_000, 4_000_000)
    spans = history.spans(run_ids=[run["run_id"]]).to_pylist()
    assert [span["wall_ns"] for span in spans] == [1_000_000, 3_000_000]


def test_an_imported_run_cannot_be_accepted(tmp_path: Path) -> None:
    imported(tmp_path / "out", results.pytest_benchmark(tmp_path / "a.json"))
    result = vizart(accept, tmp_path / "out", "last")
    assert (result.exit_code, "was imported: no baseline" in result.output) == (2, True)


@pytest.mark.parametrize("make", ["benchmark", "data", "asv"])
def test_importing_twice_adds_nothing(tmp_path: Path, make: str) -> None:
    place = {
        "benchmark": lambda: results.pytest_benchmark(tmp_path / "a.json"),
        "data": lambda: results.data_js(tmp_path / "data.js"),
        "asv": lambda: results.asv(tmp_path / "asv", {"a.time_it": 1.0}),
    }[make]()
    assert imported(tmp_path / "out", place)[0]["runs"] == 1
    before, files = counted(tmp_path / "out"), sorted((tmp_path / "out").rglob("*"))
    (again,) = imported(tmp_path / "out", place)
    assert (again["runs"], again["known"]) == (0, 1)
    assert counted(tmp_path / "out") == before
    assert sorted((tmp_path / "out").rglob("*")) == files


def test_of_a_file_that_grew_only_the_new_runs_are_added(tmp_path: Path) -> None:
    entry = results.an_entry({"name": "a", "value": 100, "unit": "ns"})
    later = results.an_entry({"name": "a", "value": 120, "unit": "ns"}, date=1_673_312_140_323)
    imported(tmp_path / "out", results.data_js(tmp_path / "data.js", {"S": [entry]}))
    (told,) = imported(tmp_path / "out", results.data_js(tmp_path / "data.js", {"S": [entry, entry, later]}))
    assert (told["runs"], told["known"]) == (1, 1)
    assert counted(tmp_path / "out")["stages"] == 2


def test_an_import_that_was_killed_half_way_is_done_again_without_doubles(tmp_path: Path) -> None:
    path = results.pytest_benchmark(tmp_path / "a.json", results.a_benchmark(data=[0.001, 0.003]))
    imported(tmp_path / "out", path)
    before = counted(tmp_path / "out")
    for run_file in (tmp_path / "out" / "metrics" / "runs").iterdir():  # it is written last
        run_file.unlink()
    imported(tmp_path / "out", path)
    assert counted(tmp_path / "out") == before


def test_what_is_too_short_for_nanoseconds_is_a_gauge(tmp_path: Path) -> None:
    entry = results.an_entry({"name": "tiny", "value": 1.82e9, "unit": "ops/s"})
    imported(tmp_path / "out", results.data_js(tmp_path / "data.js", {"S": [entry]}))
    assert counted(tmp_path / "out")["stages"] == 0
    (series,) = json.loads(vizart(trends, tmp_path / "out", "--json").output)["series"]
    assert (series["stage"], series["figure"]) == ("tiny", "ns")
    assert series["points"][0]["value"] == pytest.approx(0.549, abs=1e-3)


def test_a_folder_is_searched_and_what_is_none_of_these_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    saved = folder / ".benchmarks" / "Linux-CPython-3.11-64bit"
    saved.mkdir(parents=True)
    results.pytest_benchmark(saved / "0001_a.json")
    results.pytest_benchmark(saved / "0002_b.json", datetime="2024-03-02T10:00:00")
    results.data_js(folder / "data.js")
    results.asv(folder / "asv_bench" / "results", {"a.time_it": 1.0})
    (folder / "package.json").write_text('{"name": "x"}')
    (folder / "notes.txt").write_text("x")
    told = imported(tmp_path / "out", folder)
    assert sorted(each["format"] for each in told) == [
        "asv",
        "github-action-benchmark",
        "pytest-benchmark",
        "pytest-benchmark",
    ]
    assert counted(tmp_path / "out")["runs"] == 4
    assert [each["format"] for each in imported(tmp_path / "two", folder, "--format", "asv")] == ["asv"]


def test_many_files_are_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    for day in range(1, 9):
        results.pytest_benchmark(folder / f"{day}.json", datetime=f"2024-03-0{day}T10:00:00")
    assert vizart(import_, tmp_path / "out", str(folder)).output == (
        "8 files: 8 runs imported from pytest-benchmark, 1 test, 2024-03-01 to 2024-03-08: tests/test_a.py::test_a\n"
    )


def told(result: Result) -> list[str]:
    return result.stderr.splitlines()


def test_a_bad_file_is_told_with_its_name_and_the_rest_is_imported(tmp_path: Path) -> None:
    good = results.pytest_benchmark(tmp_path / "good.json")
    bad = tmp_path / "bad.json"
    bad.write_text('{"benchmarks": [')
    result = vizart(import_, tmp_path / "out", str(bad), str(good), "--format", "pytest-benchmark")
    assert result.exit_code == 0
    (line,) = told(result)
    assert line.startswith(f"left out: {bad}, line 1, column ")
    assert counted(tmp_path / "out")["runs"] == 1


def test_values_that_are_missing_are_counted_not_listed(tmp_path: Path) -> None:
    values: dict[str, Any] = {f"a.time_{number}": None for number in range(49)}
    place = results.asv(tmp_path / "asv", {**values, "a.time_it": 1.0})
    (line,) = told(vizart(import_, tmp_path / "out", str(place)))
    assert line.startswith("left out: 49 values missing in 1 file (no value")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("empty",), "nothing to import"),
        (("notes.txt",), "nothing to import"),
        (("notes.txt", "--format", "asv"), "not a folder"),
        (("notes.txt", "--format", "pytest-benchmark"), "no JSON"),
        (("absent",), "does not exist"),
        (("notes.txt", "--format", "excel"), "is not one of"),
        ((), "Missing argument"),
    ],
)
def test_nothing_to_import_is_exit_status_2(
    tmp_path: Path, arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    result = vizart(import_, tmp_path / "out", *arguments)
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_hostile_names_move_nothing(tmp_path: Path) -> None:
    path = results.pytest_benchmark(tmp_path / "a.json", results.a_benchmark(HOSTILE), {"fullname": HOSTILE})
    result = vizart(import_, tmp_path / "out", str(path))
    assert all(character.isprintable() or character == "\n" for character in result.output)
    assert History(tmp_path / "out").runs()["test_id"].to_pylist() == [HOSTILE]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser can write everywhere")
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert vizart(import_, tmp_path / "out", __file__).exit_code == 2


@needs_real
def test_real_results_of_pytest_benchmark(tmp_path: Path) -> None:
    told = imported(tmp_path, SHARED / "perf_pytest_benchmark" / "test_storage")
    assert (len(told), sum(each["runs"] for each in told)) == (30, 30)
    rows = History(tmp_path).runs().to_pylist()
    assert {row["version"] for row in rows} == {"pytest-benchmark 2.5.0"}
    assert rows[0]["python"] == "CPython 2.7.3"
    assert rows[0]["dirty"] is True


@needs_real
def test_real_results_of_asv(tmp_path: Path) -> None:
    (told,) = imported(tmp_path, SHARED / "perf_asv_results" / "example_results")
    assert (told["runs"], len(told["tests"]), told["first"][:10]) == (107, 11, "2013-01-18")
    unread = {Path(each["file"]).name[:8] for each in told["skipped"] if not each["reason"].startswith("no value")}
    assert unread == {"aaaaaaaa", "bbbbbbbb"}  # one without results, one with a comma too many
    document = json.loads(vizart(stats, tmp_path, "--stage", "time_parameterized(1)", "--json").output)
    assert document["stages"][0]["wall_ms"]["median"] == 1_000


@needs_real
def test_real_data_js_of_eleven_suites(tmp_path: Path) -> None:
    (told,) = imported(tmp_path, SHARED / "perf_github_action_benchmark" / "dev" / "bench" / "data.js")
    assert (told["runs"], len(told["tests"]), told["skipped"]) == (1_832, 11, [])
    document = json.loads(
        vizart(
            trends,
            tmp_path,
            "--test",
            "Python Benchmark",
            "--stage",
            "bench.py::test_fib_10",
            "--json",
            "--metric",
            "wall_ms",
        ).output
    )
    assert document["series"][0]["points"][-1]["value"] == pytest.approx(0.013101, rel=1e-3)  # told as 76327 iter/sec


def test_what_was_cleaned_up_is_imported_again(tmp_path: Path) -> None:
    path = results.pytest_benchmark(tmp_path / "a.json")
    output = tmp_path / "out"
    keep_session(FolderStore(output), "s1", ["stays", "goes"])
    (told,) = imported(output, path)
    before = counted(output)
    new = {*History(output).runs()["run_id"].to_pylist()} - {"stays", "goes"}
    remove_runs(FolderStore(output), ["goes", *new])  # two files become one without them
    assert imported(output, path) == [told]
    remove_runs(FolderStore(output), [])
    compact(FolderStore(output), everything=True)
    assert counted(output) == {"runs": 2, "stages": 3, "spans": 3, "measures": before["measures"]}
