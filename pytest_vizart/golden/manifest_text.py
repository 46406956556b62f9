"""The text of a manifest to plain data: YAML without aliases, tags or repeated keys, or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_text
from pytest_vizart.golden.json_text import not_json

MAX_MANIFEST_BYTES = 10_000_000
_MAX_YAML_BYTES = 1_000_000
"""Of YAML, whose parser takes ten seconds for so much, and 300 times the memory."""
_MAX_DIGITS = 400
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses what makes a small file a large object (aliases), and keys that overwrite one another."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not accepted in a manifest", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} appears twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        # YAML 1.1 counts 1:30:00 to the base of 60, in time that grows with the square of its length.
        if node.tag in _NUMBERS and (":" in node.value or len(node.value) > _MAX_DIGITS):
            raise yaml.MarkedYAMLError(problem="a number that is none: quote it", problem_mark=node.start_mark)
        return super().construct_object(node, deep)


def parse_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest's mapping.

    Raises:
        GoldenFormatError: the text is not UTF-8, not YAML (or JSON), or no mapping; with the line where it is known.
    """
    text = read_text(path, limit=MAX_MANIFEST_BYTES)
    try:
        data = _from_json(text) if path.suffix == ".json" else _from_yaml(text, path)
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise not_json(path, place, error.msg, hint="check commas and quotes") from error
    # ValueError: a repeated key, a date that is none, a too long number. The others: explicit tags on values that are
    # not what the tag says, which the YAML library does not check.
    except (ValueError, OverflowError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise GoldenFormatError(
            "manifest cannot be read",
            file=path,
            expected="plain keys and values",
            found=str(error),
            hint="write it flat, as in the documentation",
        ) from error
    if not isinstance(data, dict):
        raise GoldenFormatError(
            "manifest is not a mapping",
            file=path,
            expected="keys such as samples, classes and labels",
            found=type(data).__name__,
            hint="start with `samples:` and `labels:`",
        )
    return data


def _from_yaml(text: str, path: Path) -> Any:
    if len(text) > _MAX_YAML_BYTES:
        raise GoldenFormatError(
            "YAML is too long",
            file=path,
            expected=f"at most {_MAX_YAML_BYTES:,} characters",
            found=f"{len(text):,}",
            hint=f"write it as JSON, of which {MAX_MANIFEST_BYTES:,} bytes are read",
        )
    loader = _StrictLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _from_json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) != len(pairs):
            names = [name for name, _ in pairs]
            raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} appears twice")
        return mapping

    return json.loads(text, object_pairs_hook=unique)


def _not_yaml(path: Path, error: yaml.YAMLError) -> GoldenFormatError:
    mark = getattr(error, "problem_mark", None)
    return GoldenFormatError(
        "manifest is not YAML that can be accepted",
        file=path,
        place=f"line {mark.line + 1}" if mark is not None else None,
        expected="YAML of plain mappings, lists, numbers and text",
        found=str(getattr(error, "problem", None) or error),
        hint="check indentation, quotes and brackets",
    )
