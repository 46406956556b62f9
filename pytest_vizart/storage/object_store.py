"""A prefix of an object store, or any other file system that pyarrow knows: `s3://`, `gs://`, `abfs://`, `hdfs://`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from pytest_vizart.errors import UsageError
from pytest_vizart.storage.store import Entry, Store

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import fs

_CONNECTIONS = 16
_S3_TIMEOUTS_S = {"connect_timeout": 3.0, "request_timeout": 20.0}
_S3_ATTEMPTS = 3
_GCS_RETRIES = "retry_limit_seconds"
_GCS_RETRIES_S = 20


class ObjectStore(Store):
    """A prefix of an object store. One that does not answer is given up after seconds.

    Args:
        url: as pyarrow.fs.FileSystem.from_uri takes it; options such as `endpoint_override` follow a "?". For `s3://`
            these may be `connect_timeout` and `request_timeout`, in seconds, too.

    Raises:
        UsageError: no file system of pyarrow is named so, or its options are wrong.
    """

    def __init__(self, url: str) -> None:
        import pyarrow as pa

        self._shown = without_credentials(url)
        self._is_there = False
        try:
            self._system, self._prefix = _opened(url)
            if not self._prefix.strip("/"):
                raise pa.ArrowInvalid("no bucket is named")
        except (OSError, ValueError, pa.ArrowException) as error:
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
        if not found:
            self._require_bucket()
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
        several = list(names)
        if len(several) < 2:
            for name in several:
                self._delete(name)
            return
        with ThreadPoolExecutor(min(_CONNECTIONS, len(several))) as pool:
            list(pool.map(self._delete, several))

    def _delete(self, name: str) -> None:
        try:
            self._system.delete_file(self._path(name))
        except FileNotFoundError:
            return

    def delete_folder(self, folder: str) -> None:
        try:
            self._system.delete_dir(self._path(folder))
        except FileNotFoundError:
            return

    def _require_bucket(self) -> None:
        """Raise FileNotFoundError where there is no such bucket: in it, nothing would be found for ever."""
        from pyarrow import fs

        if self._is_there or not self._flat:
            return
        bucket = self._prefix.partition("/")[0]
        if self._system.get_file_info(bucket).type == fs.FileType.NotFound:
            raise FileNotFoundError(f"there is no bucket {bucket}")
        self._is_there = True

    @property
    def _flat(self) -> bool:
        """Whether folders are but parts of names: making one is a request for nothing."""
        return self._system.type_name in ("s3", "gcs", "abfs")

    def _path(self, name: str) -> str:
        return f"{self._prefix.rstrip('/')}/{name}".rstrip("/")

    def __reduce__(self) -> Any:
        raise TypeError("an object store is opened where it is used")


def _opened(url: str) -> tuple[fs.FileSystem, str]:
    """The file system and the path in it. pyarrow's own patience is minutes, and its URLs know no timeouts."""
    from pyarrow import fs

    path, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    scheme = path.partition("://")[0].lower()
    if scheme in ("gs", "gcs"):
        options.setdefault(_GCS_RETRIES, str(_GCS_RETRIES_S))
    timeouts = {name: float(options.pop(name, default)) for name, default in _S3_TIMEOUTS_S.items()} \
        if scheme == "s3" else {}  # fmt: skip
    system, prefix = fs.FileSystem.from_uri(f"{path}?{urlencode(options)}" if options else path)
    if not timeouts:
        return system, prefix
    told: dict[str, Any] = system.__reduce__()[1][0]
    retries = fs.AwsStandardS3RetryStrategy(max_attempts=_S3_ATTEMPTS)
    if "allow_delayed_open" in told:
        # Small objects are written in one request, and not begun before all of it is there.
        told["allow_delayed_open"] = True
    return fs.S3FileSystem(**{**told, **timeouts, "retry_strategy": retries}), prefix


def without_credentials(url: str) -> str:
    """Return a URL without user, password and options, which may hold keys."""
    return re.sub(r"//[^/@]*@", "//", url.partition("?")[0])
