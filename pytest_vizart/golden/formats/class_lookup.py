"""The class that a label file names, as an index."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.records.labels import ClassMap

_SHOWN = 30


class ClassLookup:
    """Finds class indices by name or ID; GoldenFormatError for a class that is not there."""

    def __init__(self, classes: ClassMap) -> None:
        self._by_name = {name: index for index, name in enumerate(classes.names)}
        self._by_id = {number: index for index, number in enumerate(classes.ids)}
        self._by_id_text = {str(number): index for number, index in self._by_id.items()}

    def by_name(self, name: str, *, file: Path, place: str) -> int:
        """Return the index of the class of this name."""
        index = self._by_name.get(name)
        return self._unknown_name(name, "", file, place) if index is None else index

    def by_id(self, number: float, *, file: Path, place: str) -> int:
        """Return the index of the class of this ID, a whole number."""
        index = self._by_id.get(int(number)) if float(number).is_integer() else None
        if index is not None:
            return index
        raise GoldenFormatError(
            "unknown class ID",
            file=file,
            place=place,
            expected=f"one of {_some(self._by_id_text)}",
            found=f"{number:g}",
            hint="correct the label, or the IDs of `classes`: a list counts from 0",
        )

    def by_name_or_id(self, value: object, *, file: Path, place: str) -> int:
        """Return the index of the class that is called so or, where none is, has this ID; JSON's true is neither."""
        index = None
        if isinstance(value, str):
            index = self._by_name.get(value, self._by_id_text.get(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            index = self._by_id.get(value)
        return self._unknown_name(value, ", or an ID of theirs", file, place) if index is None else index

    def _unknown_name(self, value: object, otherwise: str, file: Path, place: str) -> NoReturn:
        close = get_close_matches(value[:100], self._by_name, n=1) if isinstance(value, str) else []
        raise GoldenFormatError(
            "unknown class",
            file=file,
            place=place,
            expected=f"one of {_some(self._by_name)}{otherwise}",
            found=value if isinstance(value, str) else shown(value),
            hint=f"did you mean {close[0]!r}?" if close else "correct the label, or add the class to the manifest",
        )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (f", ... ({len(listed)} in all)" if len(listed) > _SHOWN else "")
