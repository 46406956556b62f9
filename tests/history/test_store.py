"""Written and read back."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pytest_vizart.errors import HistoryError, VizartWarning
from pytest_vizart.history.reader import History
from pytest_vizart.history.records import gpu_readings, leaks_of, measure_table, outputs_of, span_table
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.schema import SCHEMA_VERSION, TABLES
from pytest_vizart.history.writer import prepare_output, write_decision, write_tables
from pytest_vizart.records.outcome import ErrorItem, Outcome
from pytest_vizart.records.run import RunResult, Session
from pytest_vizart.records.score import Counts, Score
from tests.history.builders import START_US, a_profile, a_run, a_session


def keep(output: Path, session: Session, *runs: RunResult) -> list[str]:
    tables = session_tables(session, runs)
    return write_tables(output, tables, session_id=session.session_id, started_us=session.started_us)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    keep(tmp_path, a_session(), a_run())
    history = History(tmp_path)
    (run,) = history.runs().to_pylist()
    assert (run["run_id"], run["branch"], run["cpu"], run["accepted"]) == ("r1", "main", "CPU", True)
    assert run["libraries"] == '{"numpy":"2.0"}'
    assert [(row["stage"], row["sample_id"], row["wall_ns"]) for row in history.spans().to_pylist()] == [
        ("detect", "a", 2_000_000), ("detect", "b", 2_000_000),
    ]  # fmt: skip
    accuracy = {row["metric"]: (row["value"], row["headline"]) for row in history.accuracy().to_pylist()}
    assert accuracy == {"accuracy": (1.0, True), "f1": (None, False)}
    assert history.outcomes().to_pylist()[0]["tags"] == ["night"]


def test_what_profiling_measured_is_read_back_as_the_records_it_was(tmp_path: Path) -> None:
    run = replace(a_run(), profile=a_profile())
    keep(tmp_path, a_session(), run, a_run("r2"))
    history = History(tmp_path)
    only = {"run_ids": ["r1"]}
    assert span_table(history.spans(**only)) == run.spans
    assert measure_table(history.measures(**only)) == run.profile.measures
    assert outputs_of(history.outputs(**only)) == run.profile.outputs
    assert leaks_of(history.leaks(**only)) == run.profile.leaks
    assert gpu_readings(history.gpu(**only)) == run.profile.gpu
    assert history.measures(stage="detect")["name"].to_pylist() == ["queue"]
    assert history.outputs(stage="decode")["kind"].to_pylist() == ["none"]
    for table in (history.measures, history.outputs, history.leaks, history.gpu):
        assert set(table().column("test_id").to_pylist()) == {"test_x.py::test_x"}
        assert table(run_ids=["r2"]).num_rows == table(session_ids=["other"]).num_rows == 0


def test_one_file_per_session_and_table(tmp_path: Path) -> None:
    paths = keep(tmp_path, a_session(), a_run("r1"), a_run("r2"))
    assert sorted(Path(path).parent.name for path in paths) == ["accuracy", "outcomes", "runs", "spans"]
    assert not list(tmp_path.rglob("*.tmp"))


def test_every_column_has_a_comment_and_every_file_its_schema_version(tmp_path: Path) -> None:
    for schema in TABLES.values():
        assert all(field.metadata[b"comment"] for field in schema)
    for path in keep(tmp_path, a_session(), a_run()):
        assert pq.read_schema(path).metadata[b"vizart_schema_version"] == str(SCHEMA_VERSION).encode()


def test_filters(tmp_path: Path) -> None:
    keep(tmp_path, a_session("s1"), a_run("r1"), a_run("r2", test_id="other"))
    keep(tmp_path, a_session("s2"), a_run("r3", "s2"))
    history = History(tmp_path)
    assert history.runs(test_id="other")["run_id"].to_pylist() == ["r2"]
    assert history.runs(fingerprint="nothing").num_rows == 0
    assert set(history.spans(run_ids=["r1", "r3"])["run_id"].to_pylist()) == {"r1", "r3"}
    assert set(history.spans(session_ids=["s2"])["run_id"].to_pylist()) == {"r3"}
    assert history.outcomes(status="wrong").num_rows == 0


def test_sessions_with_other_dictionaries_can_be_grouped(tmp_path: Path) -> None:
    keep(tmp_path, a_session("s1"), a_run("r1", test_id="one"))
    keep(tmp_path, a_session("s2"), a_run("r2", "s2", test_id="two"))
    counted = History(tmp_path).spans().group_by("test_id").aggregate([("wall_ns", "count")]).to_pylist()
    assert sorted((row["test_id"], row["wall_ns_count"]) for row in counted) == [("one", 2), ("two", 2)]


def test_an_empty_folder_is_an_empty_history(tmp_path: Path) -> None:
    assert History(tmp_path / "absent").runs().num_rows == 0


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"not parquet at all"])
def test_a_damaged_file_is_named_once_and_the_rest_is_read(tmp_path: Path, damage: bytes) -> None:
    keep(tmp_path, a_session("s1"), a_run("r1"))
    keep(tmp_path, a_session("s2"), a_run("r2", "s2"))
    path = next((tmp_path / "metrics" / "runs").glob("*s1.*.parquet"))
    path.write_bytes(damage)
    history = History(tmp_path)
    with pytest.warns(VizartWarning, match=path.name) as caught:
        assert history.runs()["run_id"].to_pylist() == ["r2"]
        history.runs()
    assert len(caught) == 1


def test_a_column_that_an_older_file_lacks_reads_as_null(tmp_path: Path) -> None:
    keep(tmp_path, a_session(), a_run())
    path = next((tmp_path / "metrics" / "runs").glob("*.parquet"))
    table = pq.read_table(path).drop_columns(["gpu", "accepted_latency"])
    pq.write_table(table.replace_schema_metadata({"vizart_schema_version": "1"}), path)
    (run,) = History(tmp_path).runs().to_pylist()
    assert run["gpu"] is None
    assert run["accepted_latency"] is None


def test_the_latest_decision_holds(tmp_path: Path) -> None:
    keep(tmp_path, a_session(), a_run(accepted=False, accepted_latency=False))
    write_decision(tmp_path, "r1", False, decided_us=START_US + 1)
    write_decision(tmp_path, "r1", True, decided_us=START_US + 2_000_000)
    (run,) = History(tmp_path).runs().to_pylist()
    assert (run["accepted"], run["accepted_latency"]) == (True, True)


def test_the_output_folder_ignores_itself_in_git(tmp_path: Path) -> None:
    prepare_output(tmp_path / "out")
    assert (tmp_path / "out" / ".gitignore").read_text().endswith("*\n")


def test_an_output_folder_that_cannot_be_made_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="--vizart-output"):
        prepare_output(tmp_path / "file" / "out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_and_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = Path.open

    def on_a_full_disk(path: Path, mode: str = "r", **options: object) -> object:
        return real_open(Path("/dev/full") if path.suffix == ".tmp" else path, mode)

    monkeypatch.setattr(Path, "open", on_a_full_disk)
    with pytest.raises(HistoryError, match="No space left"):
        keep(tmp_path, a_session(), a_run())
    assert not list(tmp_path.rglob("*.parquet"))


def test_sessions_that_write_at_once_lose_no_row(tmp_path: Path) -> None:
    def write(number: int) -> None:
        session = a_session(f"s{number}")
        keep(tmp_path, session, *(a_run(f"r{number}-{each}", session.session_id) for each in range(5)))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(History(tmp_path).runs()["run_id"].to_pylist())) == 40


def test_figures_of_classes_and_tags_and_the_errors_of_samples_are_kept(tmp_path: Path) -> None:
    error = ErrorItem("Miss", 0.75, truth="coin", truth_position=2, box=(0.0, 1.0, 9.0, 8.0))
    outcome = Outcome(
        "a", "detect", "boxes", "wrong", "Miss", severity=0.75, measures={"recall": 0.5}, errors=(error,),
        missed=("coin 0 1 9 8",), false_positives=("key 3 3 5 5",),
    )  # fmt: skip
    score = Score(
        "detect", "boxes", "map", {"map": 0.5}, Counts(wrong=1),
        per_class={"coin": {"ap": 0.5}, "key": {"ap": None}}, per_tag={"night": {"map": 0.25}},
    )  # fmt: skip
    run = replace(a_run(), outcomes=(outcome,), scores=(score,))
    write_tables(tmp_path, session_tables(a_session(), [run]), session_id="s1", started_us=START_US)
    history = History(tmp_path)
    (row,) = history.outcomes().to_pylist()
    assert (row["severity"], row["missed"], row["false_positives"]) == (0.75, ["coin 0 1 9 8"], ["key 3 3 5 5"])
    assert json.loads(row["measures"]) == {"recall": 0.5}
    assert json.loads(row["errors"])[0]["kind"] == "Miss"
    figures = [(each["kind"], each["name"], each["metric"], each["value"]) for each in history.subsets().to_pylist()]
    assert figures == [
        ("class", "coin", "ap", 0.5), ("class", "key", "ap", None), ("tag", "night", "map", 0.25)
    ]  # fmt: skip
