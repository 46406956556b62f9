"""Names of classes as a command line gives them: in a line, or in a file of some kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import is_file, read_bytes
from pytest_vizart.golden.manifest_text import parse_manifest
from pytest_vizart.workflow.evaluation.options import ClassNames

_MAX_BYTES = 10_000_000
_TABLES = (".yaml", ".yml", ".json")


def class_names(text: str) -> ClassNames:
    """Return the names in "a,b,c" or in a file: one a line, or `names` or `classes` of a YAML or JSON file.

    Raises:
        GoldenFormatError: the file holds no names.
    """
    path = Path(text)
    if not is_file(path):
        return [name.strip() for name in text.split(",")]
    if path.suffix.lower() in _TABLES:
        return _in_table(parse_manifest(path), path)
    try:
        lines = read_bytes(path, limit=_MAX_BYTES).decode("utf-8-sig").rstrip().split("\n")
    except UnicodeDecodeError as error:
        raise GoldenFormatError(
            "names of classes are not UTF-8 text", file=path, found=str(error), hint="save it as UTF-8"
        ) from error
    return [line.strip() for line in lines]


def _in_table(data: dict[str, Any], path: Path) -> ClassNames:
    found = data.get("names", data.get("classes", data))
    if isinstance(found, dict | list):
        return found
    raise GoldenFormatError(
        "no names of classes in it",
        file=path,
        expected="`names` or `classes`: a list, or a mapping from ID to name",
        found=", ".join(map(str, list(data)[:12])),
        hint="write one name a line into a text file",
    )
