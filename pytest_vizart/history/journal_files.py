"""What in `journal/` is ours. Whoever keeps something else in a folder of that name must lose nothing of it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

_FILES = re.compile(r"(session|keeping|owner(-\w+)?|run-.+|piece-.+)\.json|\..+\.json\.[0-9a-f]{12}\.tmp", re.DOTALL)
_INSIDE = {
    "spans": re.compile(r".+\.(spans|jsonl)", re.DOTALL),
    "recorded": re.compile(r"[0-9a-f]{32}(\.done)?"),
}


def is_link(path: Path) -> bool:
    """Whether a path leads elsewhere: what lies there is not ours to delete."""
    is_junction = getattr(path, "is_junction", None)  # Windows, from Python 3.12 on
    return path.is_symlink() or (is_junction is not None and bool(is_junction()))


def is_journal(folder: Path) -> bool:
    """Whether a folder holds a file of a journal."""
    return any(_is_ours(entry) for entry in _entries(folder))


def is_foreign(folder: Path) -> bool:
    """Whether a folder holds something, and nothing of a journal. An empty one may become a journal this moment."""
    entries = _entries(folder)
    return bool(entries) and not any(_is_ours(entry) for entry in entries)


def delete_journal(folder: Path) -> bool:
    """Delete what is ours in a folder, and the folder if nothing else is left; whether it went.

    Raises nothing: what cannot be deleted stays.
    """
    if is_link(folder):
        return False
    for entry in _entries(folder):
        if entry.name in _INSIDE and entry.is_dir(follow_symlinks=False):
            for inside in _entries(Path(entry.path)):
                if _INSIDE[entry.name].fullmatch(inside.name):
                    _unlink(inside)
            with suppress(OSError):
                Path(entry.path).rmdir()
        elif _FILES.fullmatch(entry.name):
            _unlink(entry)
    with suppress(OSError):
        folder.rmdir()
        return True
    return not folder.exists()


def _is_ours(entry: os.DirEntry[str]) -> bool:
    if entry.is_dir(follow_symlinks=False):
        inside = _INSIDE.get(entry.name)
        return inside is not None and any(inside.fullmatch(each.name) for each in _entries(Path(entry.path)))
    return _FILES.fullmatch(entry.name) is not None


def _unlink(entry: os.DirEntry[str]) -> None:
    with suppress(OSError):
        Path(entry.path).unlink()


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
