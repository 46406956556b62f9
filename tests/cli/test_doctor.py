from __future__ import annotations

import json
import os
import shutil
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from pytest_vizart.cli import main
from pytest_vizart.version import VERSION
from tests.profiling.fake_nvml import FakeGpu, FakeNvml, install


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def test_one_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml(FakeGpu()))
    result = doctor("--output", str(tmp_path))
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith(f"pytest-vizart {VERSION}, ")
    assert len(lines) <= 30
    assert [line for line in lines if line and not line.startswith(" ")][-3:] == ["measuring", "output", "extras"]
    assert "  yes GPU                           NVIDIA H200, driver 550.54.15, 150 GB" in lines
    assert list(tmp_path.iterdir()) == []


def test_without_a_gpu_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml())
    result = doctor("--output", str(tmp_path))
    assert result.exit_code == 0
    assert "  no  GPU                           the driver knows no GPU" in result.output.splitlines()


def test_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeNvml())
    result = doctor("--json", "--output", str(tmp_path))
    document = json.loads(result.output)
    assert list(document) == [
        "schema_version", "vizart", "python", "platform", "packages", "measuring", "output", "extras",
    ]  # fmt: skip
    assert document["schema_version"] == 1
    assert document["packages"]["numpy"] == metadata.version("numpy")
    assert "pytest-benchmark" not in document["packages"]
    assert {"name": "GPU", "ok": False, "text": "the driver knows no GPU", "hint": None} in document["measuring"]
    assert document["output"][0] == {
        "name": "output folder", "ok": True, "text": f"{tmp_path} can be written", "hint": None,
    }  # fmt: skip
    assert [check["name"] for check in document["extras"]] == [
        "pytest-benchmark", "pyinstrument", "fastapi", "uvicorn", "laspy", "duckdb",
    ]  # fmt: skip


def test_a_folder_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    output = tmp_path / "a" / "b"
    document = json.loads(doctor("--json", "--output", str(output)).output)
    assert document["output"][0]["text"] == f"{output} can be written, made by the first session"
    assert not (tmp_path / "a").exists()


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    for output in (file, file / "below"):
        result = doctor("--output", str(output))
        assert result.exit_code == 1
        assert f"  no  output folder                 {output} cannot be written: " in result.output
        assert "(hint: give --output=DIR, a folder that can be written)" in result.output


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser can write everywhere")
def test_an_output_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    result = doctor("--output", str(tmp_path / "below"))
    assert result.exit_code == 1
    assert "Permission denied" in result.output


def test_little_space_is_told_but_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=10**12, free=200_000_000))
    result = doctor("--output", str(tmp_path))
    assert result.exit_code == 0
    assert "  no  free space                    0.2 GB  (hint: make room, or move the output)" in result.output


def test_a_place_without_room_at_all_is_not_said_to_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=0, free=0))
    result = doctor("--output", str(tmp_path))
    assert "  no  free space                    unknown: this is no place for files  (hint: move" in result.output


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    output = tmp_path / os.fsdecode(b"\xff\x1b[31m")
    screen = doctor("--output", str(output)).output
    assert f"{tmp_path}/??[31m can be written" in screen
    document = json.loads(doctor("--json", "--output", str(output)).output)
    assert document["output"][0]["text"].startswith(f"{tmp_path}/\\udcff\x1b[31m can be written")


def test_extras_that_are_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name in ("laspy", "numpy"):
            raise metadata.PackageNotFoundError(name)
        return "7.7" if name == "duckdb" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    lines = doctor("--output", str(tmp_path)).output.splitlines()
    assert "  no  laspy                         not installed  (hint: pip install laspy)" in lines
    assert "  yes duckdb                        7.7" in lines
    assert any("numpy MISSING, nvidia-ml-py==" in line for line in lines)


def test_wrong_usage() -> None:
    assert doctor("--nothing").exit_code == 2
