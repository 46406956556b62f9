"""A stage that kills its process is known afterwards, with its sample and its input file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_vizart import History

CRASHING = """
import os, signal
import pytest
from pipeline import classify, decode

def die(how):
    {how}

def test_shades(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        with vizart_run.stage("decode"):
            image = decode(sample.path)
        with vizart_run.stage("classify") as stage:
            if sample.id == "c" and os.environ.get("DIE"):
                die(sample)
            label = stage.output(classify(image))
        vizart_run.predict(label)

def test_other():
    pass
"""
ONE_EACH = """
import os, signal
from pipeline import classify, decode

def test_one(vizart_run, golden_sample):
    with vizart_run.stage("classify") as stage:
        if golden_sample.id == "c" and os.environ.get("DIE"):
            os.kill(os.getpid(), signal.SIGKILL)
        label = stage.output(classify(decode(golden_sample.path)))
    vizart_run.predict(label)
"""
DEATHS = {
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "segmentation fault": "import ctypes; ctypes.string_at(0)",
    "an allocator that gives up": "os.abort()",
}


def crash_lines(output: Path) -> list[dict[str, object]]:
    (log,) = (output / "logs").glob("*.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if line["event"] == "stage crashed"]


@pytest.mark.parametrize("how", DEATHS.values(), ids=DEATHS)
def test_the_next_session_tells_where_the_last_one_died(
    project: pytest.Pytester, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makepyfile(test_shades=CRASHING.format(how=how))
    monkeypatch.setenv("DIE", "1")
    assert project.runpytest_subprocess("-p", "no:faulthandler", "--vizart-warmup=0").ret not in (0, 1)
    monkeypatch.delenv("DIE")
    result = project.runpytest_subprocess("--vizart-warmup=0")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*the process died in stage classify on sample c (*c.png)*"])
    output = project.path / ".vizart"
    crashed, passed = History(output).runs().to_pylist()
    assert (crashed["status"], crashed["accepted"], passed["status"]) == ("error", False, "passed")
    spans = History(output).spans(run_ids=[crashed["run_id"]]).to_pylist()
    (span,) = [span for span in spans if span["error"] == "crashed"]
    assert (span["stage"], span["sample_id"], span["pass_index"]) == ("classify", "c", 0)
    assert [span["stage"] for span in spans].count("decode") == 3
    (line,) = crash_lines(output)
    assert (line["run_id"], line["stage"], line["sample"]) == (crashed["run_id"], "classify", "c")
    assert str(line["input_path"]).endswith("c.png")
    assert not list((output / "journal").iterdir())


def test_a_crash_that_repeats_is_told_before_it_repeats(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makepyfile(test_shades=CRASHING.format(how=DEATHS["SIGKILL"]))
    monkeypatch.setenv("DIE", "1")
    for times in range(3):
        result = project.runpytest_subprocess("--vizart-warmup=0")
        told = [line for line in result.outlines if "an earlier session ended here" in line]
        assert len(told) == (1 if times else 0)
        assert all("stage classify on sample c" in line for line in told)
    runs = History(project.path / ".vizart").runs().to_pylist()
    assert ["stage classify on sample c" in run["error"] for run in runs] == [True, True]
    assert {run["dataset"] for run in runs} == {"shades"}


def test_a_worker_that_dies_in_an_item_is_told_though_the_others_make_a_run(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    project.makepyfile(test_one=ONE_EACH)
    monkeypatch.setenv("DIE", "1")
    result = project.runpytest_subprocess("-n", "2")
    result.stdout.fnmatch_lines(["*the process died in stage classify on sample c (*c.png)*"])
    assert len(History(project.path / ".vizart").runs().to_pylist()) == 1


def test_a_child_process_that_is_killed_is_told(project: pytest.Pytester) -> None:
    project.makepyfile(
        work="""
        import os, signal
        from pytest_vizart import profile

        @profile
        def killer(number):
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        test_run="""
        from concurrent.futures import ProcessPoolExecutor
        import pytest
        from work import killer

        def test_run(vizart_run, golden_dataset):
            for sample in vizart_run.samples(golden_dataset):
                with vizart_run.stage("all"), ProcessPoolExecutor(1) as pool, pytest.raises(Exception):
                    pool.submit(killer, 1).result()
                break
        """,
    )
    result = project.runpytest_subprocess("--vizart-warmup=0")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*a child process died in stage killer on sample a*"])


def test_an_item_of_a_shared_run(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    project.makepyfile(test_one=ONE_EACH)
    monkeypatch.setenv("DIE", "1")
    project.runpytest_subprocess("-p", "no:faulthandler")
    monkeypatch.delenv("DIE")
    project.runpytest_subprocess("-k", "nothing_of_it")  # does not measure, and takes nothing over
    result = project.runpytest_subprocess()
    result.stdout.fnmatch_lines(["*the process died in stage classify on sample c (*c.png)*"])
    crashed, _ = History(project.path / ".vizart").runs().to_pylist()
    assert (crashed["status"], crashed["samples"]) == ("error", 3)
    spans = History(project.path / ".vizart").spans(run_ids=[crashed["run_id"]], stage="classify").to_pylist()
    assert sorted((span["sample_id"], span["error"]) for span in spans) == [("a", None), ("b", None), ("c", "crashed")]
    assert len({span["span_id"] for span in spans}) == 3


def test_a_worker_that_dies_is_told_by_the_same_session(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    project.makepyfile(test_shades=CRASHING.format(how=DEATHS["SIGKILL"]))
    monkeypatch.setenv("DIE", "1")
    result = project.runpytest_subprocess("-n", "1", "--vizart-warmup=0", "--vizart-json=result.json")
    result.stdout.fnmatch_lines(["*the process died in stage classify on sample c (*c.png)*"])
    runs = History(project.path / ".vizart").runs().to_pylist()
    assert [(run["status"], run["test_id"]) for run in runs] == [("error", "test_shades.py::test_shades")]
    (run,) = json.loads((project.path / "result.json").read_text())["runs"]
    assert run["status"] == "error"


def test_a_memory_limit_is_an_error_of_the_stage(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("resource")
    how = "import resource; resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9)); bytearray(2 * 10**9)"
    project.makepyfile(test_shades=CRASHING.format(how=how))
    monkeypatch.setenv("DIE", "1")
    result = project.runpytest_subprocess("--vizart-warmup=0")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*stage classify raised on sample c (*c.png)*"])
    spans = History(project.path / ".vizart").spans(stage="classify").to_pylist()
    assert [span["error"] for span in spans] == [None, None, "MemoryError"]
