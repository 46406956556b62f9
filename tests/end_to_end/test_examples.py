"""The examples as the README runs them: twice, and with a mistake made on purpose."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.trial import misread_digit, mistake, move_label, session

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples and golden data in a folder of their own, with two clean runs behind them."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in ("examples", "golden"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pytest.ini").write_text("[pytest]\n")
    for _ in range(2):
        result = session(folder, "--vizart-report=report.html")
        assert result["status"] == 0, result["output"]
    return folder


def test_every_stage_of_the_three_pipelines_is_measured_and_every_output_compared(checkout: Path) -> None:
    result = session(checkout)
    stages = {run["dataset"]: [stage["name"] for stage in run["stages"]] for run in result["runs"]}
    assert stages == {
        "coins": ["decode", "preprocess", "segment", "boxes"],
        "digits": ["decode", "features", "classify"],
        "street": ["decode", "ground", "cluster"],
    }
    for run in result["runs"]:
        for accuracy in run["accuracy"]:
            assert sum(accuracy["counts"].values()) == run["samples"]
            assert accuracy["counts"]["invalid"] == accuracy["counts"]["unlabeled"] == 0
        for stage in run["stages"]:
            assert stage["errors"] == 0
            assert stage["spans"] == 3 * run["samples"]
            assert 0 < stage["wall_ms"]["min"] <= stage["wall_ms"]["median"] <= stage["wall_ms"]["max"]


def test_the_report_shows_the_earlier_run_as_history(checkout: Path) -> None:
    page = (checkout / "report.html").read_text()
    assert page.count("2 runs ·") == 3


def test_a_moved_coin_label_fails_the_coins_alone_and_names_stage_metric_and_sample(checkout: Path) -> None:
    result, sample = mistake(checkout, move_label)
    failed = [verdict for verdict in result["verdicts"] if verdict["status"] == "fail"]
    assert {verdict["test_id"] for verdict in failed} == {"examples/test_coins.py::test_coins"}
    assert {verdict["stage"] for verdict in failed} == {"boxes"}
    assert {"map", "newly_wrong"} <= {verdict["metric"] for verdict in failed}
    assert all(sample in verdict["samples"] for verdict in failed)
    assert "its label changed since the baseline" in result["output"]
    assert "1 failed, 2 passed" in result["output"]


def test_a_misread_digit_fails_the_digits_alone_and_names_stage_metric_and_sample(checkout: Path) -> None:
    result, sample = mistake(checkout, misread_digit)
    failed = [verdict for verdict in result["verdicts"] if verdict["status"] == "fail"]
    assert {(verdict["test_id"], verdict["stage"]) for verdict in failed} == {
        ("examples/test_digits.py::test_digits", "classify")
    }
    assert {verdict["metric"] for verdict in failed} == {"accuracy", "f1", "top_3", "newly_wrong"}
    assert all(verdict["samples"] == [sample] for verdict in failed)
    assert "1 failed, 2 passed" in result["output"]
