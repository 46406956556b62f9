"""Which numbers label files hold, for those that have to name the classes: a few files are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.recognition.view import FolderView

_FILES = 20
_MAX_PIXELS = 50_000_000
_MAX_BYTES = 50_000_000
_SHOWN = 20
_CLASS_BITS = 0xFFFF  # of SemanticKITTI's labels; the others number the objects


def values_seen(view: FolderView, form: str, paths: Iterable[str]) -> str | None:
    """Return "0, 7, 255 are in the first 20 of 31 files"; None where none could be read."""
    every = list(paths)
    found: set[int] = set()
    for path in every[:_FILES]:
        try:
            found.update(np.unique(_READERS[form](view.root / path)).tolist())
        except (GoldenFormatError, ValueError):
            continue
    if not found:
        return None
    shown = ", ".join(map(str, sorted(found)[:_SHOWN]))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    where = f"the first {_FILES} of {len(every)} files" if len(every) > _FILES else "the files"
    return f"{shown}{more} {'is' if len(found) == 1 else 'are'} in {where}"


def _png(path: Path) -> NDArray[Any]:
    from pytest_vizart.golden.inputs import decoded, open_image

    with open_image(path, formats=("PNG",)) as image:
        if image.width * image.height > _MAX_PIXELS or image.mode not in ("1", "L", "P", "I", "I;16"):
            return np.empty(0, dtype=np.int64)
        return decoded(image).astype(np.int64)


def _semantic_kitti(path: Path) -> NDArray[Any]:
    from pytest_vizart.golden.files import read_bytes

    content = read_bytes(path, limit=_MAX_BYTES)
    return np.frombuffer(content[: len(content) // 4 * 4], dtype="<u4") & _CLASS_BITS


_READERS: dict[str, Callable[[Path], NDArray[Any]]] = {"png": _png, "semantickitti": _semantic_kitti}
