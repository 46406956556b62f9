"""A folder of this machine."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_vizart.storage.store import Entry, Store

if TYPE_CHECKING:
    import pyarrow as pa

_numbers = itertools.count()


class FolderStore(Store):
    """A folder. It need not be there: reading finds nothing, and writing makes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.local = root
        self._prefix = f"{root}{os.sep}"

    def __str__(self) -> str:
        return str(self.root)

    def where(self, name: str) -> str:
        return str(self.root / name)

    def files(self, folder: str, *, recursive: bool = False) -> list[Entry]:
        found: list[Entry] = []
        self._list(folder, recursive, found)
        return sorted(found, key=lambda entry: entry.name)

    def _list(self, folder: str, recursive: bool, found: list[Entry]) -> None:
        try:
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    name = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_file(follow_symlinks=False):
                        try:
                            told = entry.stat(follow_symlinks=False)
                        except FileNotFoundError:  # somebody cleaned up meanwhile
                            continue
                        found.append(Entry(name, told.st_size, told.st_mtime_ns // 1_000))
                    elif recursive and entry.is_dir(follow_symlinks=False):
                        self._list(name, recursive, found)
        except (FileNotFoundError, NotADirectoryError):
            return

    def read(self, name: str) -> bytes:
        # Hundreds of small files are read at once: here a path object takes as long as the file.
        with open(f"{self._prefix}{name}", "rb", buffering=0) as file:  # noqa: PTH123
            return file.read()

    def open(self, name: str) -> pa.NativeFile:
        import pyarrow as pa

        return pa.OSFile(f"{self._prefix}{name}", "rb")

    def write(self, name: str, payload: bytes | memoryview | pa.Buffer) -> None:
        path = self.root / name
        temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.{next(_numbers)}.tmp")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(memoryview(payload))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            (self.root / name).unlink(missing_ok=True)

    def delete_folder(self, folder: str) -> None:
        shutil.rmtree(self.root / folder, ignore_errors=True)
