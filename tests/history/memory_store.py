"""A place in memory that can fail at a chosen moment."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from pytest_vizart.storage.store import Entry, Store


class MemoryStore(Store):
    """Files in a dictionary, as an object store has them.

    fail_at: the write or delete, counted from 1, that raises; each deleted file counts. `after`: whether what was to be
    written is there all the same, as when the answer got lost on its way.
    """

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.modified_us: dict[str, int] = {}
        self.now_us = 1_000
        self.fail_at: int | None = None
        self.after = False
        self.steps = 0
        self.opened: list[str] = []

    def __str__(self) -> str:
        return "memory://kept"

    def files(self, folder: str, *, recursive: bool = False) -> list[Entry]:
        inside = (name for name in self.content if name.startswith(f"{folder}/"))
        return [
            Entry(name, len(self.content[name]), self.modified_us[name])
            for name in sorted(inside)
            if recursive or "/" not in name[len(folder) + 1 :]
        ]

    def read(self, name: str) -> bytes:
        if name not in self.content:
            raise FileNotFoundError(name)
        self.opened.append(name)
        return self.content[name]

    def open(self, name: str) -> pa.NativeFile:
        return pa.BufferReader(self.read(name))

    def write(self, name: str, payload: bytes | memoryview | pa.Buffer) -> None:
        failing = self._fails()
        if not failing or self.after:
            self.content[name] = bytes(memoryview(payload))
            self.modified_us[name] = self.now_us
        if failing:
            raise OSError(28, "No space left on device")

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            failing = self._fails()
            if not failing or self.after:
                self.content.pop(name, None)
            if failing:
                raise OSError(5, "Input/output error")

    def delete_folder(self, folder: str) -> None:
        self.delete([entry.name for entry in self.files(folder, recursive=True)])

    def _fails(self) -> bool:
        self.steps += 1
        return self.steps == self.fail_at
