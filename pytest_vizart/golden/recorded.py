"""Recorded outputs: what a stage without human labels gave when it was last accepted; one file for each sample.

`recorded/<name>/<sample>` in the dataset's folder, with an extension by kind, all of them made to be read in a diff or
a viewer: `.txt` text, `.png` images, `.json` numbers and tables, `.npz` what is too large for text. Written aside and
renamed, so that several processes may record at once.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from pytest_vizart.errors import GoldenError, GoldenFormatError, UsageError
from pytest_vizart.golden.files import is_file, is_folder, require_inside
from pytest_vizart.golden.manifest_values import NAME
from pytest_vizart.golden.recorded_files import EXTENSIONS, MAX_BYTES, encoded, read_output
from pytest_vizart.records.labels import Label

FOLDER = "recorded"
_ASIDE = re.compile(r"\..+\.(?:txt|png|json|npz)\.([0-9]{1,10})")


class RecordedStore:
    """The recorded outputs below a folder, which lies in the folder of a dataset or of a run."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str, sample_id: str) -> Label | None:
        """Return what is recorded of a sample under a name, None if nothing is.

        Raises:
            GoldenFormatError: it cannot be read, or there are two files of it.
        """
        found = self.files_of(name, sample_id)
        if not found:
            return None
        if len(found) > 1:
            raise GoldenFormatError(
                "two recorded outputs of one sample",
                file=found[0],
                expected="one file",
                found=", ".join(path.name for path in found),
                hint="remove the one that is out of date",
            )
        self._require_inside(found[0])
        return read_output(found[0])

    def write(self, name: str, sample_id: str, label: Label) -> Path:
        """Record an output, in the place of an earlier one.

        Raises:
            UsageError: it is of a kind that cannot be recorded, or larger than MAX_BYTES.
            GoldenFormatError: a symbolic link leads out of the dataset.
            GoldenError: the file cannot be written.
        """
        extension, content = encoded(label)
        if len(content) > MAX_BYTES:
            raise UsageError(
                "output is too large to be recorded",
                place=f"golden({name!r})",
                expected=f"at most {MAX_BYTES:,} bytes",
                found=f"{len(content):,} bytes",
                hint="record a summary of it",
            )
        path = self._path(name, sample_id, extension)
        self._require_inside(path.parent)
        earlier = self.files_of(name, sample_id)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, content)
            for other in earlier:
                if other != path:
                    other.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            raise _unwritable(path, error) from error
        return path

    def files_of(self, name: str, sample_id: str) -> list[Path]:
        """Return the files that hold a sample's output; there should be one at most."""
        return [path for extension in EXTENSIONS if is_file(path := self._path(name, sample_id, extension))]

    def entries(self) -> Iterator[tuple[str, str, Path]]:
        """Yield name, sample ID and file of everything that may be a recorded output, sorted."""
        for folder in self._folders():
            for path in sorted(folder.rglob("*")):
                if path.suffix in EXTENSIONS and is_file(path):
                    yield folder.name, path.relative_to(folder).as_posix().removesuffix(path.suffix), path

    def leftovers(self) -> Iterator[Path]:
        """Yield the files that processes were about to rename when they were killed, sorted."""
        import psutil

        for folder in self._folders():
            for path in sorted(folder.rglob(".*")):
                aside = _ASIDE.fullmatch(path.name)
                if aside and is_file(path) and not psutil.pid_exists(int(aside[1])):
                    yield path

    def remove(self, path: Path) -> None:
        """Remove a file of an output, and the folders that are empty then.

        Raises:
            GoldenFormatError: a symbolic link leads out of the dataset.
            GoldenError: the file cannot be removed.
        """
        self._require_inside(path.parent)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from error
        for folder in path.parents:
            if folder == self.root or not folder.is_relative_to(self.root):
                break
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _folders(self) -> list[Path]:
        """Folders whose name is one that an output can have."""
        found = sorted(self.root.iterdir()) if is_folder(self.root) else []
        return [folder for folder in found if NAME.fullmatch(folder.name) and is_folder(folder)]

    def _require_inside(self, path: Path) -> None:
        require_inside(self.root.parent, [self.root], file=self.root, place="path")
        require_inside(self.root, [path], file=path, place="path")

    def _path(self, name: str, sample_id: str, extension: str) -> Path:
        # Not with_suffix: an ID may have a dot in it.
        return self.root / name / f"{sample_id}{extension}"


def require_name(name: object) -> str:
    """Return the name of a recorded output; UsageError if no folder can be called so."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UsageError(
            "not a name for a recorded output",
            place="golden(name=...)",
            expected="letters, digits, _, - and ., at most 64",
            found=name,
            hint="name the stage",
        )
    return name


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _unwritable(path: Path, error: Exception) -> GoldenError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return GoldenError(
        "recorded output cannot be written",
        file=path,
        expected="a folder that may be written to",
        found=reason,
        hint="check the folder, who may write there, and the room on the disk",
    )
