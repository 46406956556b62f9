"""What the package exports, what the docs say, and that both agree."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest_vizart
from pytest_vizart import errors
from pytest_vizart.gating.limits import ARGUMENTS
from pytest_vizart.golden.manifest import LabelEntry, Manifest
from pytest_vizart.history.schema import TABLES
from pytest_vizart.options import OPTIONS
from pytest_vizart.plugin.entry import MARKERS

ROOT = Path(__file__).resolve().parents[2]


def test_every_public_name_resolves_and_has_a_docstring() -> None:
    for name in pytest_vizart.__all__:
        assert inspect.getdoc(getattr(pytest_vizart, name)), name
    assert set(pytest_vizart.__all__) <= set(dir(pytest_vizart))


def test_all_errors_are_public() -> None:
    defined = {
        name for name, value in vars(errors).items() if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert defined <= set(pytest_vizart.__all__)


def test_the_readme_names_every_option() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [option.flag for option in OPTIONS if option.flag not in readme] == []


def test_the_registered_marker_lines_name_every_argument() -> None:
    for marker, arguments in ARGUMENTS.items():
        (line,) = [line for line in MARKERS if line.startswith(f"{marker}(")]
        measured = [argument.name for argument in arguments]
        named = re.findall(r"(\w+)=None", line)
        assert [name for name in named if name not in measured] == []
        if "**limits" not in line:
            assert sorted(named) == sorted(measured)


def test_the_storage_page_names_every_column() -> None:
    page = (ROOT / "docs" / "storage.md").read_text()
    for name, schema in TABLES.items():
        section = page.split(f"## {name}\n")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)`", section, flags=re.M) == schema.names
        for field in schema:
            assert field.metadata[b"comment"].decode() in section


def test_the_golden_page_names_every_key_of_the_manifest() -> None:
    page = (ROOT / "docs" / "golden.md").read_text()
    for key in (*Manifest.model_fields, *LabelEntry.model_fields):
        assert re.search(rf"`(labels\[\]\.)?\.?{key}`|\.{key}`", page), key


def test_continuous_integration_runs_the_readme_line() -> None:
    readme = (ROOT / "README.md").read_text()
    (line,) = re.findall(r"^<!-- tests -->\n    (.+)$", readme, flags=re.M)
    assert "tox" in line
    assert "grep -A1 '^<!-- tests -->$' README.md" in (ROOT / ".ci" / "run").read_text()
