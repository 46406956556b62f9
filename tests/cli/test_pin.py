from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_vizart.cli.pin import pin
from pytest_vizart.history.reader import History
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from tests.workflow.outputs import keep, run_of


@pytest.fixture
def output(tmp_path: Path) -> Path:
    for run_id, days in (("aaa1", 5), ("aab2", 4), ("ccc3", 3)):
        keep(tmp_path, [run_of(run_id, days, test_id="test\x1b[31m")])
    return tmp_path


def vizart_pin(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(pin, [*arguments, "--output", str(output)])


def pinned(output: Path) -> set[str]:
    return {run_id for run_id, decision in History(output).decisions().items() if decision.pinned}


def test_fr_026_runs_are_pinned_listed_and_unpinned(output: Path) -> None:
    assert vizart_pin(output).output == "no run is pinned\n"
    result = vizart_pin(output, "aaa", "last")
    assert result.output == "pinned: run aaa1 of test?[31m\npinned: run ccc3 of test?[31m\n"
    assert pinned(output) == {"aaa1", "ccc3"}
    assert [line[:4] for line in vizart_pin(output).output.splitlines()] == ["aaa1", "ccc3"]
    assert vizart_pin(output, "--remove", "aaa1").output == "no longer pinned: run aaa1 of test?[31m\n"
    assert pinned(output) == {"ccc3"}


def test_pinning_again_writes_nothing(output: Path) -> None:
    vizart_pin(output, "aaa1")
    before = list((output / "metrics/decisions").iterdir())
    assert "(as before)" in vizart_pin(output, "aaa1", "aaa1").output
    assert "(as before)" in vizart_pin(output, "ccc3", "--remove").output
    assert list((output / "metrics/decisions").iterdir()) == before


def test_json(output: Path) -> None:
    document = json.loads(vizart_pin(output, "aab", "--json").output)
    assert document == {"schema_version": 1, "changed": ["aab2"], "pinned": ["aab2"]}
    document = json.loads(vizart_pin(output, "--json").output)
    assert document["pinned"] == ["aab2"]
    assert document["runs"][0]["run_id"] == "aab2"
    document = json.loads(vizart_pin(output, "aab", "--remove", "--json").output)
    assert document == {"schema_version": 1, "changed": ["aab2"], "pinned": []}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["zzz"], "no run 'zzz'"), (["aa"], "2 runs begin with"), (["--remove"], "--remove needs runs")],
)
def test_what_cannot_be_meant(output: Path, arguments: list[str], message: str) -> None:
    result = vizart_pin(output, *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_pin_says_nothing_of_the_baseline(output: Path) -> None:
    vizart_pin(output, "aaa1")
    assert History(output).decisions()["aaa1"].accepted is None


def test_a_pin_waits_for_whoever_cleans(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_vizart.cli.pin._WAIT_S", 0.1)
    with exclusive(FolderStore(output)):
        result = vizart_pin(output, "ccc3")
    assert result.exit_code == 2
    assert "another process is cleaning" in result.output
    assert pinned(output) == set()
