"""A bounded look at a folder: what files lie where, and how a few of them begin and end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_bytes

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
PEEK_BYTES = 1 << 16
"""More is not read of a file, at either end, to tell what it is."""

_RECORDED = "recorded"  # outputs that were accepted, no labels that somebody made
_MAX_WHOLE_BYTES = 64_000_000
_MAX_DEPTH = 4
_MAX_FOLDERS = 300
_MAX_FILES = 100_000
_GLOB_SIGNS = re.compile(r"[*?\[\]{}\\]")


class FolderView:
    """The files of a folder and its folders, by the extension in lower case; hidden ones and links left out.

    Paths are relative to `root`, with / between their parts; "" is the folder itself.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[str, dict[str, list[str]]] = {}
        self._peeks: dict[str, tuple[bytes, bytes]] = {}
        self._stems: dict[tuple[str, frozenset[str]], frozenset[str]] = {}
        self._room = _MAX_FILES
        self._walk("", 0)

    def folders(self) -> list[str]:
        """Return the folders that hold files or folders, outer ones first."""
        return list(self._names)

    def names(self, folder: str, *extensions: str) -> list[str]:
        """Return the names of the files of a folder that have one of the extensions, sorted."""
        by_extension = self._names.get(folder, {})
        return sorted(name for extension in extensions for name in by_extension.get(extension, ()))

    def extensions(self, folder: str) -> set[str]:
        return set(self._names.get(folder, {}))

    def stems(self, folder: str, extensions: frozenset[str]) -> frozenset[str]:
        """Return the names of those files without their extensions."""
        key = (folder, extensions)
        if key not in self._stems:
            self._stems[key] = frozenset(stem(name) for name in self.names(folder, *extensions))
        return self._stems[key]

    def images(self, folder: str) -> list[str]:
        return self.names(folder, *IMAGES)

    def files(self, *extensions: str) -> Iterator[str]:
        """Yield the paths of all files with one of the extensions."""
        for folder in self._names:
            for name in self.names(folder, *extensions):
                yield joined(folder, name)

    def head(self, path: str) -> bytes:
        """Return the first 64 KiB of a file, nothing if it cannot be read."""
        return self._peek(path)[0]

    def text(self, path: str) -> str:
        """Return head and, where the file is longer, tail as text; what is no UTF-8 replaced."""
        head, tail = self._peek(path)
        return (head + (b"\n" + tail if tail else b"")).decode("utf-8", "replace")

    def whole_text(self, path: str) -> str | None:
        """Return a whole file as text, what is no UTF-8 replaced; None if it cannot be read or is too large."""
        try:
            return read_bytes(self.root / path, limit=_MAX_WHOLE_BYTES).decode("utf-8-sig", "replace")
        except GoldenFormatError:
            return None

    def is_whole(self, path: str) -> bool:
        """Whether `text` is all of the file."""
        return not self._peek(path)[1]

    def _peek(self, path: str) -> tuple[bytes, bytes]:
        if path not in self._peeks:
            self._peeks[path] = self._read(self.root / path)
        return self._peeks[path]

    @staticmethod
    def _read(path: Path) -> tuple[bytes, bytes]:
        try:
            with path.open("rb") as stream:
                head = stream.read(PEEK_BYTES)
                size = os.fstat(stream.fileno()).st_size
                if size <= PEEK_BYTES:
                    return head, b""
                stream.seek(max(PEEK_BYTES, size - PEEK_BYTES))
                return head, stream.read(PEEK_BYTES)
        except OSError:
            return b"", b""

    def _walk(self, folder: str, depth: int) -> None:
        below: list[str] = []
        found: dict[str, list[str]] = {}
        try:
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    if entry.name.startswith((".", "__")) or self._room <= 0 or not _is_plain(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        below += [entry.name] if entry.name != _RECORDED or folder else []
                    elif entry.is_file(follow_symlinks=False):
                        self._room -= 1
                        found.setdefault(os.path.splitext(entry.name)[1].lower(), []).append(entry.name)  # noqa: PTH122 - a Path for each of 100,000 names would take a second
        except OSError:
            return
        self._names[folder] = found
        for name in sorted(below):
            if depth < _MAX_DEPTH and len(self._names) < _MAX_FOLDERS and not _GLOB_SIGNS.search(name):
                self._walk(joined(folder, name), depth + 1)


def joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def stem(path: str) -> str:
    """The path without its extension: the ID that a sample has in a glob of its folder."""
    return path[: -len(suffix)] if (suffix := PurePosixPath(path).suffix) else path


def _is_plain(name: str) -> bool:
    """Names that are no UTF-8, or that break lines, cannot be written into a manifest and its comments."""
    return name.isprintable()
