from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
    assert (found.run_id, found.how, found.stage, found.raised) == ("r1", "raised", "s", 2)


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
