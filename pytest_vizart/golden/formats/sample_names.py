"""Names of samples as label files write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from unicodedata import normalize

from pytest_vizart.golden.listing import SampleKey


class SampleNames:
    """Finds the sample that a label file means by a file name or ID.

    In this order: the path relative to the dataset, the path relative to the glob's fixed part, the ID, the bare file
    name. A name that fits several samples fits none.
    """

    def __init__(self, samples: Sequence[SampleKey]) -> None:
        self._alike: dict[str, list[str]] = {}
        for key in samples:
            self._alike.setdefault(_normal(key.path.name), []).append(key.id)
        self._levels: list[dict[str, str | None]] = [
            _unambiguous([(key.relative_path, key.id) for key in samples]),
            _unambiguous([(key.inner_path, key.id) for key in samples]),
            _unambiguous([(key.id, key.id) for key in samples]),
        ]

    def exact(self, name: str) -> str | None:
        """Return the ID of the sample whose path or ID this is."""
        name = _normal(name)
        return next((level[name] for level in self._levels if level.get(name) is not None), None)

    def candidates(self, name: str) -> tuple[str, ...]:
        """Return the IDs of all samples whose file has the same bare name."""
        return tuple(self._alike.get(PurePosixPath(_normal(name)).name, ()))

    def by_file_name(self, name: str) -> str | None:
        """Return the ID of the only sample whose file has the same bare name."""
        found = self.candidates(name)
        return found[0] if len(found) == 1 else None


def _normal(name: str) -> str:
    """One form for what reads alike: some systems write an accent as a character of its own (NFD)."""
    return normalize("NFC", name.replace("\\", "/").removeprefix("./"))


def _unambiguous(pairs: list[tuple[str, str]]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, sample_id in pairs:
        name = _normal(name)
        found[name] = None if name in found else sample_id
    return found
