"""Classes of files in which one column or key may hold names or IDs."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import ClassMap

_SHOWN = 12


class NameOrId:
    """Finds the index of a class by its name or, where no class is called so, by its ID."""

    def __init__(self, classes: ClassMap) -> None:
        self._names = classes.names
        self._by_name = {name: index for index, name in enumerate(classes.names)}
        self._by_id = {number: index for index, number in enumerate(classes.ids)}
        self._by_id_text = {str(number): index for number, index in self._by_id.items()}

    def find(self, value: object) -> int | None:
        """Return the class index, None if there is no such class; JSON's true and false are none."""
        if isinstance(value, str):
            return self._by_name.get(value, self._by_id_text.get(value))
        return self._by_id.get(value) if isinstance(value, int) and not isinstance(value, bool) else None

    def index(self, value: object, *, file: Path, place: str) -> int:
        """Return the class index; GoldenFormatError if there is no such class."""
        index = self.find(value)
        if index is not None:
            return index
        close = get_close_matches(value[:100], self._names, n=1) if isinstance(value, str) else []
        names = ", ".join(self._names[:_SHOWN]) + (", ..." if len(self._names) > _SHOWN else "")
        raise GoldenFormatError(
            "unknown class",
            file=file,
            place=place,
            expected=f"one of {names}, or an ID of theirs",
            found=value if isinstance(value, str) else repr(value)[:200],
            hint=f"did you mean {close[0]!r}?" if close else "correct it, or add the class to the manifest",
        )
