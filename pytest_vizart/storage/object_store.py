"""A prefix of an object store, or any other file system that pyarrow knows: `s3://`, `gs://`, `abfs://`, `hdfs://`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pytest_vizart.errors import UsageError
from pytest_vizart.storage.store import Entry, Store

if TYPE_CHECKING:
    import pyarrow as pa


class ObjectStore(Store):
    """A prefix of an object store.

    Args:
        url: as pyarrow.fs.FileSystem.from_uri takes it; options such as `endpoint_override` follow a "?".

    Raises:
        UsageError: no file system of pyarrow is named so, or its options are wrong.
    """

    def __init__(self, url: str) -> None:
        import pyarrow as pa
        from pyarrow import fs

        self._shown = without_credentials(url)
        try:
            self._system, self._prefix = fs.FileSystem.from_uri(url)
        except (OSError, pa.ArrowException) as error:
            raise UsageError(
                "this place to keep runs cannot be used",
                place=self._shown,
                expected="a folder, or a URL such as s3://bucket/prefix or gs://bucket/prefix",
                found=str(error).splitlines()[0],
                hint="options follow the path: s3://bucket/prefix?region=eu-central-1",
            ) from error

    def __str__(self) -> str:
        return self._shown

    def files(self, folder: str, *, recursive: bool = False) -> list[Entry]:
        from pyarrow import fs

        selector = fs.FileSelector(self._path(folder), allow_not_found=True, recursive=recursive)
        start = len(self._prefix.rstrip("/")) + 1
        found = [
            Entry(info.path[start:], info.size or 0, None if info.mtime_ns is None else info.mtime_ns // 1_000)
            for info in self._system.get_file_info(selector)
            if info.type == fs.FileType.File and not PurePosixPath(info.path).name.startswith(".")
        ]
        return sorted(found, key=lambda entry: entry.name)

    def read(self, name: str) -> bytes:
        with self._system.open_input_stream(self._path(name), compression=None) as stream:
            return bytes(stream.read())

    def open(self, name: str) -> pa.NativeFile:
        return self._system.open_input_file(self._path(name))

    def write(self, name: str, payload: bytes | memoryview | pa.Buffer) -> None:
        # The whole of it is at hand and written once: an exception between two writes would publish half an object.
        path = self._path(name)
        if not self._flat:
            self._system.create_dir(str(PurePosixPath(path).parent), recursive=True)
        with self._system.open_output_stream(path, compression=None) as stream:
            stream.write(payload)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            try:
                self._system.delete_file(self._path(name))
            except FileNotFoundError:
                continue

    def delete_folder(self, folder: str) -> None:
        try:
            self._system.delete_dir(self._path(folder))
        except FileNotFoundError:
            return

    @property
    def _flat(self) -> bool:
        """Whether folders are but parts of names: making one is a request for nothing."""
        return self._system.type_name in ("s3", "gcs", "abfs")

    def _path(self, name: str) -> str:
        return f"{self._prefix.rstrip('/')}/{name}".rstrip("/")

    def __reduce__(self) -> Any:
        raise TypeError("an object store is opened where it is used")


def without_credentials(url: str) -> str:
    """Return a URL without user, password and options, which may hold keys."""
    return re.sub(r"//[^/@]*@", "//", url.partition("?")[0])
