from __future__ import annotations

import dataclasses
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_vizart.options import OPTIONS
from pytest_vizart.records.keeping import ArtifactModes
from pytest_vizart.settings import Settings, resolve
from pytest_vizart.workflow import reproducing
from pytest_vizart.workflow.reproducing import configuration_of, pytest_command, script_command

ROOT = Path("/project")
SECRET_URL = "s3://KEY:PASS@bucket/prefix?endpoint_override=127.0.0.1:9000&scheme=http&secret_key=HUSH&x=1"


@pytest.fixture
def python_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproducing.shutil, "which", lambda name: sys.executable)


def test_the_interpreter_is_named_in_full_where_python_is_another_one_or_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "python"  # of another environment that was made with the same interpreter
    other.symlink_to(sys.executable)
    for found in (None, str(other), str(tmp_path / "nowhere")):
        monkeypatch.setattr(reproducing.shutil, "which", lambda name, found=found: found)
        assert shlex.split(pytest_command(settings(), "t.py::test_x"))[3:6] == [sys.executable, "-m", "pytest"]
    monkeypatch.setattr(reproducing.sys, "executable", str(tmp_path / "a b"))
    assert f"&& '{tmp_path}/a b' -m pytest" in pytest_command(settings(), "t.py::test_x")


def settings(**given: str | bool) -> Settings:
    return resolve(
        lambda dest: given.get(dest.removeprefix("vizart_")),
        lambda _: None,
        rootdir=ROOT,
        invocation_dir=ROOT / "sub",
        environ={},
    )


@pytest.mark.usefixtures("python_found")
def test_a_run_of_defaults_needs_no_options() -> None:
    assert (
        pytest_command(settings(), "tests/test_a.py::test_x")
        == "cd /project && python -m pytest tests/test_a.py::test_x"
    )


@pytest.mark.usefixtures("python_found")
@pytest.mark.parametrize(
    "test_id", ["t.py::test_x[a b]", "t.py::test_x['it' $(rm) `x` \"y\"]", "t.py::test_x[a;b|c\\n]"]
)
def test_any_test_is_named_so_that_a_shell_takes_it_as_it_is(test_id: str) -> None:
    command = pytest_command(settings(), test_id)
    assert shlex.split(command)[-1] == test_id
    shown = subprocess.run(["sh", "-c", f"python() {{ printf %s \"$3\"; }}; {command.partition('&& ')[2]}"],
                           capture_output=True, check=True)  # fmt: skip
    assert shown.stdout.decode() == test_id


def test_options_that_differ_are_given_and_resolve_to_the_same() -> None:
    given = {
        "golden": "../data/coins", "output": "/out/x y", "profile": "full", "profile_share": "0.5", "passes": "2",
        "warmup": "0", "gate": "warn", "strict": True, "base": "dev", "limit": "7", "tags": "night, rain",
        "artifacts": "sample:3+failures",
    }  # fmt: skip
    wanted = settings(**given)
    words = shlex.split(pytest_command(wanted, "t.py::test_x"))[7:]
    pairs = (word.removeprefix("--vizart-").partition("=") for word in words)
    again = {name.replace("-", "_"): value or True for name, _, value in pairs}
    resolved = resolve(
        lambda dest: again.get(dest.removeprefix("vizart_")),
        lambda _: None,
        rootdir=ROOT,
        invocation_dir=ROOT,
        environ={},
    )
    assert again.keys() == given.keys()
    assert resolved == wanted


def test_what_reports_updates_or_deletes_is_left_out() -> None:
    wanted = settings(report="r.html", json="r.json", update="all", retention="1d", disk_warn="5GB")
    assert "--vizart" not in pytest_command(wanted, "t.py::test_x")
    assert {option.name for option in OPTIONS} == {
        "golden", "output", "profile", "profile-share", "passes", "warmup", "gate", "strict", "base", "limit", "tags",
        "artifacts", "report", "json", "update", "retention", "disk-warn", "off",
    }, "a new option: does it belong into the command?"  # fmt: skip


def test_items_that_share_a_run_are_named_by_their_function() -> None:
    assert pytest_command(settings(), "t.py::test_x[8]", shared=True).endswith(" t.py::test_x")


def test_secrets_of_urls_are_hidden() -> None:
    wanted = settings(output=SECRET_URL)
    for text in (pytest_command(wanted, "t.py::test_x"), json.dumps(configuration_of(wanted))):
        assert not any(secret in text for secret in ("KEY:", "PASS", "HUSH"))
        assert "bucket/prefix?endpoint_override=127.0.0.1:9000&scheme=http&secret_key=***" in text


def test_the_configuration_is_plain_data() -> None:
    told = configuration_of(settings(golden="g", artifacts="all", retention="30d", tags="a,b"))
    assert json.loads(json.dumps(told)) == told
    assert told["golden"] == "/project/sub/g"
    assert told["artifacts"] == dataclasses.asdict(ArtifactModes(all=True))
    assert told["tags"] == ["a", "b"]


def test_a_script_is_told_as_it_was_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "tool", "a b", SECRET_URL])
    assert shlex.split(script_command())[:7] == ["cd", str(tmp_path), "&&", "python", "-m", "tool", "a b"]
    assert "HUSH" not in script_command()
