from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from pytest_vizart.audit import failed_run
from pytest_vizart.audit.failed_run import last_failed_run
from tests.audit.logs import a_line, write_log


def raised(number: int, **fields: Any) -> dict[str, Any]:
    return a_line(
        number, event="stage failed", level="ERROR", success=False, stage="s", sample="b", error="E: x", **fields
    )


def finished(number: int, *, status: str, **fields: Any) -> dict[str, Any]:
    return a_line(number, event="run finished", success=status == "passed", status=status, **fields)


def test_a_run_that_passed_in_the_end_has_not_failed(tmp_path: Path) -> None:
    write_log(tmp_path, [raised(1), raised(2), finished(3, status="passed")])
    assert last_failed_run(tmp_path) is None
    write_log(tmp_path, [finished(0, status="failed", run_id="r0", error="E: y")])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert found.run_id == "r0"
    write_log(tmp_path, [finished(4, status="error")])  # run once more under the same ID
    found = last_failed_run(tmp_path)
    assert found is not None
    assert (found.run_id, found.how, found.stage, found.raised) == ("r1", "raised", "s", 1)


def test_runs_that_raised_and_passed_are_not_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log(tmp_path, [finished(0, status="failed", run_id="r0", error="E: y")])
    for number in range(1, 301):
        own = f"p{number}"
        write_log(tmp_path, [raised(number, run_id=own), finished(number, status="passed", run_id=own)])
    read: list[str] = []
    plain = failed_run._lines_of
    monkeypatch.setattr(failed_run, "_lines_of", lambda place, run, last: read.append(run) or plain(place, run, last))
    found = last_failed_run(tmp_path)
    assert found is not None
    assert (found.run_id, read) == ("r0", ["r0"])


def test_what_raised_and_passed_when_it_was_run_again_is_no_cause(tmp_path: Path) -> None:
    verdict = a_line(3, event="verdict", success=False, stage="t", message="t: accuracy 0.5, limit 0.8", level="ERROR")
    write_log(tmp_path, [raised(1), verdict, finished(4, status="failed", error="t: accuracy 0.5, limit 0.8")])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert (found.how, found.stage, found.raised) == ("failed", "t", 0)


def test_a_run_without_an_end_is_told_by_what_raised(tmp_path: Path) -> None:
    write_log(tmp_path, [finished(0, status="passed", run_id="r0"), raised(1)])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert (found.run_id, found.how) == ("r1", "raised")


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_clocks_that_are_wrong_by_centuries(tmp_path: Path, year: str) -> None:
    write_log(tmp_path, [raised(0, time=f"{year}-01-01T00:00:00+00:00")], f"{year}-01-01.jsonl")
    found = last_failed_run(tmp_path)
    assert found is not None
    assert found.stage == "s"


def interrupted(number: int, error: str = "KeyboardInterrupt: ", traceback: str = "", **fields: Any) -> Any:
    stage = a_line(number, event="stage failed", success=False, stage="s", error=error, traceback=traceback, **fields)
    return [stage, finished(number + 1, status="error", error=error, **fields)]


CTRL_C = "Traceback\n  File\nKeyboardInterrupt\n\nDuring handling of the above exception, ...\nSystemExit: 1\n"


@pytest.mark.parametrize(
    ("error", "traceback"),
    [
        ("KeyboardInterrupt: ", "Traceback\nKeyboardInterrupt\n"),
        ("KeyboardInterrupt on a: ", ""),
        ("Exit: stop", "Traceback\n_pytest.outcomes.Exit: stop\n"),
        ("SystemExit: 1", CTRL_C),
    ],
)
def test_a_run_that_was_interrupted_hides_none_that_failed(tmp_path: Path, error: str, traceback: str) -> None:
    failed = finished(0, status="failed", run_id="bad", error="E: y")
    write_log(tmp_path, [failed, *interrupted(5, error, traceback), *interrupted(9, error, traceback, run_id="r2")])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert found.run_id == "bad"
    assert found.interrupted_later is not None
    assert found.interrupted_later["run_id"] == "r2"
    alone = last_failed_run(tmp_path, "r1")
    assert alone is not None
    assert (alone.run_id, alone.how) == ("r1", "interrupted")


def test_an_interrupted_run_before_the_failed_one_is_not_told(tmp_path: Path) -> None:
    write_log(tmp_path, [*interrupted(1), finished(5, status="failed", run_id="bad")])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert (found.run_id, found.interrupted_later) == ("bad", None)


@pytest.mark.parametrize("error", ["Exit: 1", "SystemExit: 1", "KeyboardInterruptible: x"])
def test_what_only_looks_like_an_interruption_is_a_failure(tmp_path: Path, error: str) -> None:
    write_log(tmp_path, interrupted(1, error, f"Traceback\nclick.exceptions.{error}\n"))
    found = last_failed_run(tmp_path)
    assert found is not None
    assert (found.how, found.error) == ("raised", error)


def test_a_sample_counts_once_and_the_sum_of_all_does_not(tmp_path: Path) -> None:
    raised_on = [raised(number) | {"sample": sample} for number, sample in enumerate("abcabc")]
    total = a_line(7, event="test failed", success=False, error="PipelineError: 3 of 9 samples")
    write_log(tmp_path, [*raised_on, total, finished(8, status="error")])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert found.raised == 3
    batch = raised(20) | {"sample": "a|b|c|d", "input_paths": ["/a", "/b", "/c", "/d"], "run_id": "r2"}
    write_log(tmp_path, [batch])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert found.raised == 4


def crashed(number: int, **fields: Any) -> dict[str, Any]:
    return a_line(number, event="stage crashed", level="ERROR", success=False, stage="s", error="died", **fields)


def test_a_crash_that_was_found_late_hides_no_later_failure(tmp_path: Path) -> None:
    """Its line stands behind those of later runs, with the time when it died."""
    write_log(tmp_path, [finished(50, status="failed", run_id="later"), crashed(10, run_id="c1")])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert found.run_id == "later"
    write_log(tmp_path, [crashed(90, run_id="c2"), crashed(80, run_id="c3")])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert found.run_id == "c2"


def test_a_crash_that_was_told_late_has_the_time_of_its_run(tmp_path: Path) -> None:
    write_log(tmp_path, [finished(50, status="failed", run_id="later"), crashed(10_000, run_id="c1")])
    found = last_failed_run(tmp_path)
    assert found is not None
    assert found.run_id == "c1"  # nothing else is known of it
    folder = tmp_path / "runs" / "c1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes(orjson.dumps({"finished": "2026-11-20T12:00:20+00:00"}))
    found = last_failed_run(tmp_path)
    assert found is not None
    assert found.run_id == "later"
    found = last_failed_run(tmp_path, "c1")
    assert found is not None
    assert (found.run_id, found.time) == ("c1", "2026-11-20T12:00:20+00:00")
