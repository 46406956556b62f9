"""What every place to keep files can do. Names are relative to it and use "/" on every system.

All trouble is an OSError, whatever the place is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Entry:
    """One kept file. `name` is relative to the store; `modified_us` is microseconds since 1970, None where unknown."""

    name: str
    size_bytes: int
    modified_us: int | None = None

    @property
    def base_name(self) -> str:
        return self.name.rpartition("/")[2]


class Store(ABC):
    """A place to keep files in."""

    local: Path | None = None
    """The folder, None for an object store."""

    @abstractmethod
    def __str__(self) -> str:
        """The place for people, without credentials."""

    def where(self, name: str) -> str:
        """Return the full path or URL of a file, for messages."""
        return f"{str(self).rstrip('/')}/{name}"

    @abstractmethod
    def files(self, folder: str, *, recursive: bool = False) -> list[Entry]:
        """Return the files of a folder by name, hidden ones (".x") left out; none where there is no such folder."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return a file's bytes."""

    @abstractmethod
    def open(self, name: str) -> pa.NativeFile:
        """Open a file for reading at any position."""

    @abstractmethod
    def write(self, name: str, payload: bytes | memoryview | pa.Buffer) -> None:
        """Write a file so that a reader sees all of it or nothing; an earlier one is replaced."""

    @abstractmethod
    def delete(self, names: Iterable[str]) -> None:
        """Delete files; absent ones are none of our business."""

    @abstractmethod
    def delete_folder(self, folder: str) -> None:
        """Delete a folder with all that is in it, if it is there."""
