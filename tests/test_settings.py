"""Every option by its flag and by its ini twin; what cannot be meant is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.options import OPTIONS
from pytest_vizart.records.keeping import ArtifactModes, Keep, Retention
from pytest_vizart.settings import Settings, resolve

ROOT, HERE = Path("/root/dir"), Path("/root/dir/sub")

THIRTY_DAYS = Retention(*[Keep(age_s=30 * 86_400)] * 3)
EXAMPLES: dict[str, tuple[Any, str, str, Any]] = {
    # option: value on the command line, value in the ini file, field, what both give
    "golden": ("/data/golden", "/data/golden", "golden", Path("/data/golden")),
    "report": ("/out/r.html", "/out/r.html", "report", Path("/out/r.html")),
    "json": ("/out/r.json", "/out/r.json", "json", Path("/out/r.json")),
    "output": ("/out/v", "/out/v", "output", Path("/out/v")),
    "profile": ("basic", "basic", "profile", "basic"),
    "profile-share": ("0.1", "0.1", "profile_share", 0.1),
    "passes": ("5", "5", "passes", 5),
    "warmup": ("0", "0", "warmup", 0),
    "gate": ("warn", "warn", "gate", "warn"),
    "strict": (True, True, "strict", True),
    "base": ("trunk", "trunk", "base", "trunk"),
    "limit": ("7", "7", "limit", 7),
    "tags": ("a, b", "a, b", "tags", ("a", "b")),
    "update": ("missing", "missing", "update", "missing"),
    "artifacts": ("failures+sample:3", "failures+sample:3", "artifacts", ArtifactModes(failures=True, samples=3)),
    "retention": ("30d", "30d", "retention", THIRTY_DAYS),
    "disk-warn": ("5GB", "5GB", "disk_warn_bytes", 5_000_000_000),
    "off": (True, "off", "off", True),
}


def settings(cli: dict[str, Any] | None = None, ini: dict[str, Any] | None = None, **environ: str) -> Settings:
    return resolve((cli or {}).get, (ini or {}).get, rootdir=ROOT, invocation_dir=HERE, environ=environ)


def test_every_option_has_an_example() -> None:
    assert {option.name for option in OPTIONS} == set(EXAMPLES)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_flag_and_ini_twin_give_the_same(option: Any) -> None:
    on_cli, in_ini, field, expected = EXAMPLES[option.name]
    assert getattr(settings({option.dest: on_cli}), field) == expected
    assert getattr(settings(ini={option.ini: in_ini}), field) == expected
    assert getattr(settings(), field) != expected


def test_an_ini_file_asks_for_no_updates_in_ci() -> None:
    assert settings(ini={"vizart_update": "all"}, CI="true").update is None
    assert settings({"vizart_update": "all"}, CI="true").update == "all"


def test_the_flag_wins() -> None:
    assert settings({"vizart_passes": "2"}, {"vizart_passes": "9"}).passes == 2


def test_relative_paths_start_where_they_were_written() -> None:
    assert settings({"vizart_report": "r.html"}).report == HERE / "r.html"
    assert settings(ini={"vizart_report": "r.html"}).report == ROOT / "r.html"
    assert settings({"vizart_report": "../r.html"}).report == ROOT / "r.html"


def test_the_folder_called_golden_is_found_by_itself(tmp_path: Path) -> None:
    assert settings().golden is None
    (tmp_path / "golden").mkdir()
    found = resolve({}.get, {}.get, rootdir=tmp_path, invocation_dir=tmp_path, environ={})
    assert found.golden == tmp_path / "golden"


@pytest.mark.parametrize(("value", "in_ci"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_continuous_integration_is_told_by_its_variable(value: str, in_ci: bool) -> None:
    assert settings(CI=value).in_ci is in_ci


@pytest.mark.parametrize(
    ("cli", "ini", "message"),
    [
        ({"vizart_passes": "few"}, {}, "--vizart-passes: .*at least 1.*few"),
        ({}, {"vizart_passes": "0"}, "ini option vizart_passes: .*at least 1.*0"),
        ({"vizart_warmup": "-1"}, {}, "--vizart-warmup: .*at least 0"),
        ({}, {"vizart_profile": "deep"}, "ini option vizart_profile: .*basic or detailed or full.*deep"),
        ({"vizart_profile_share": "2"}, {}, "--vizart-profile-share: .*from 0 to 1.*2"),
        ({}, {"vizart_profile_share": "some"}, "ini option vizart_profile_share: .*from 0 to 1.*some"),
        ({}, {"vizart_gate": "maybe"}, "ini option vizart_gate: .*fail or warn or off"),
        ({}, {"vizart_strict": "perhaps"}, "ini option vizart_strict: .*true or false"),
        ({}, {"vizart": "false"}, "ini option vizart: .*on or off.*false"),
    ],
)
def test_a_value_that_cannot_be_meant(cli: dict[str, Any], ini: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings(cli, ini)


def test_an_output_may_be_a_url() -> None:
    found = settings({"vizart_output": "s3://bucket/runs?region=eu-west-1"})
    assert found.kept_at == "s3://bucket/runs?region=eu-west-1"
    assert found.output.parent == ROOT / ".vizart" / "outbox"  # where a session under way works
    assert found.output != settings({"vizart_output": "s3://bucket/runs?region=eu-west-2"}).output
    assert settings({"vizart_output": "runs"}).kept_at == HERE / "runs"
