"""The class that a label file names, as an index."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import ClassMap


class ClassLookup:
    """Finds class indices by name or ID."""

    def __init__(self, classes: ClassMap) -> None:
        self._by_name = {name: index for index, name in enumerate(classes.names)}
        self._by_id = {number: index for index, number in enumerate(classes.ids)}

    def by_name(self, name: str, *, file: Path, place: str) -> int:
        """Return the index of a class; GoldenFormatError if there is none of this name."""
        index = self._by_name.get(name)
        if index is not None:
            return index
        close = get_close_matches(name[:100], self._by_name, n=1)
        raise GoldenFormatError(
            "unknown class",
            file=file,
            place=place,
            expected=f"one of {_some(list(self._by_name))}",
            found=name,
            hint=f"did you mean {close[0]!r}?" if close else "correct the label, or add the class to the manifest",
        )

    def by_id(self, number: float, *, file: Path, place: str) -> int:
        """Return the index of a class; GoldenFormatError if there is none of this ID, or it is no whole number."""
        index = self._by_id.get(int(number)) if float(number).is_integer() else None
        if index is not None:
            return index
        raise GoldenFormatError(
            "unknown class ID",
            file=file,
            place=place,
            expected=f"one of {_some([str(one) for one in self._by_id])}",
            found=f"{number:g}",
            hint="correct the label, or the IDs of `classes`: a list counts from 0",
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:30]) + (f", ... ({len(names)} in all)" if len(names) > 30 else "")
