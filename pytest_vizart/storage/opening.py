"""From what a user names to the place."""

from __future__ import annotations

import re
from os import PathLike, fspath
from pathlib import Path

from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.store import Store

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:\ is a path


def is_url(place: str) -> bool:
    """Whether a place is named by a URL, `file://` aside."""
    return bool(_URL.match(place)) and not place.startswith("file://")


def open_store(place: str | PathLike[str] | Store) -> Store:
    """Return the place: a folder, or for a URL an object store.

    Raises:
        UsageError: the URL names nothing that can be used.
    """
    if isinstance(place, Store):
        return place
    text = fspath(place)
    if is_url(text):
        from pytest_vizart.storage.object_store import ObjectStore

        return ObjectStore(text)
    return FolderStore(Path(text.removeprefix("file://")))
