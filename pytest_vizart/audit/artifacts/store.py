"""The artifacts of one run."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from pytest_vizart.audit.artifacts.ledger import Artifact, Ledger, Saved, UsedFile
from pytest_vizart.audit.artifacts.names import TakenNames, safe_name
from pytest_vizart.audit.artifacts.placing import TooLargeError, place, write_beside
from pytest_vizart.audit.artifacts.registry import CannotWriteError, Wish, encode
from pytest_vizart.errors import UsageError

MAX_VALUE_BYTES = 50 * 10**6
MAX_RUN_BYTES = 500 * 10**6
_SUFFIX = 11
_MOST_RUNS = 64


class RunFullError(Exception):
    """The artifacts of a run are as large as they may be together. size_bytes: of the value, as far as it is known."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self.size_bytes = size_bytes


class _Tally:
    """What this process has saved of one run: the items of a function make theirs together, each with its own store."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stages = TakenNames()
        self.files: dict[str, TakenNames] = {}
        self.saved: dict[str, Artifact] = {}
        self.spent_bytes = 0
        self.used: dict[str, UsedFile] = {}
        self.notes: dict[str, str] = {}  # by what must not be told twice
        self.disk_failed = False

    def claim(self, stage: str, name: str, original: str) -> tuple[str, str]:
        """Return folder and name of a file that no other file of the run has."""
        with self.lock:
            folder = self.stages.claim(safe_name(stage), stage)
            taken = self.files.setdefault(folder, TakenNames())
            return folder, taken.claim(name, original)

    def add(self, artifact: Artifact) -> None:
        with self.lock:
            before = self.saved.get(artifact.path)
            self.spent_bytes += artifact.size_bytes - (0 if before is None else before.size_bytes)
            self.saved[artifact.path] = artifact


@lru_cache(maxsize=_MOST_RUNS)
def _tally(run_folder: Path) -> _Tally:
    return _Tally()


class ArtifactStore:
    """Saves objects of one run, `max_value_bytes` each and `max_run_bytes` together at most."""

    def __init__(
        self,
        output: Path,
        run_id: str,
        *,
        max_value_bytes: int = MAX_VALUE_BYTES,
        max_run_bytes: int = MAX_RUN_BYTES,
    ) -> None:
        self._output = output
        self._folder = output / "runs" / run_id
        self._tally = _tally(self._folder)
        self._ledger = Ledger(self._folder)
        self._max_value, self._max_run = max_value_bytes, max_run_bytes

    @property
    def disk_failed(self) -> bool:
        """Whether a file of this run could not be written."""
        return self._tally.disk_failed

    @disk_failed.setter
    def disk_failed(self, failed: bool) -> None:
        self._tally.disk_failed = failed

    def save(self, name: str, value: Any, *, stage: str, sample: str | None = None) -> Path:
        """Write a value of one sample, and return its path. Raises as `keep` does."""
        return self.path_of(self.keep(name, value, stage=stage, samples=() if sample is None else (sample,)))

    def keep(self, name: str, value: Any, *, stage: str, samples: Sequence[str] = ()) -> Artifact:
        """Write a value under a name, and say where it is; the file's name begins with the first sample's ID.

        Raises:
            UsageError: nothing here can write a value of this type.
            TooLargeError, RunFullError, DiskError: it is too large, or the disk does not take it.
        """
        try:
            return self.put(name, value, stage=stage, samples=samples)
        except CannotWriteError as error:
            raise UsageError(
                "this value cannot be saved",
                place=f"save({name!r})",
                expected="bytes, text, arrays, tensors, images, tables, point clouds or plain data",
                found=type(value).__name__,
                hint=f"turn it into one of these, or see register_artifact_writer ({error})",
            ) from error

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._folder

    def path_of(self, artifact: Artifact) -> Path:
        return self._output / artifact.path

    def put(self, name: str, value: Any, *, stage: str, samples: Sequence[str] = ()) -> Artifact:
        """Write a value of some samples, several for a batch, and say where it is. A `name` of "" is theirs alone.

        Raises:
            CannotWriteError: nothing here can write a value of this type.
            TooLargeError, RunFullError, DiskError: it is too large, or the disk does not take it.
        """
        encoded = encode(value, Wish(_suffix_of(name), cloud="cloud" in stage.lower()))
        room = self._max_run - self._tally.spent_bytes
        limit = min(self._max_value, room)
        if encoded.size_bytes is not None and encoded.size_bytes > limit:
            raise (TooLargeError if encoded.size_bytes > self._max_value else RunFullError)(encoded.size_bytes)
        folder, file_name = self._tally.claim(stage, *_file_name(name, samples, encoded.suffix))
        target = self._folder / "stages" / folder / file_name
        try:
            written = write_beside(target.parent, encoded.write, limit)
        except TooLargeError as error:
            if limit < self._max_value:
                raise RunFullError(error.size_bytes) from error
            raise
        place(written, target, self._output)
        path = PurePath("runs", self._folder.name, "stages", folder, file_name).as_posix()
        artifact = Artifact(path, stage, tuple(samples), written.size_bytes)
        self._tally.add(artifact)
        self._ledger.add(artifact)
        return artifact

    def use(self, file: UsedFile) -> None:
        """Note a file that the run uses; its items tell it again and again."""
        with self._tally.lock:
            known = self._tally.used.get(file.path) == file
            self._tally.used[file.path] = file
        if not known:
            self._ledger.add(file)

    def note(self, key: str, text: str) -> bool:
        """Note what was not saved, once for each key; return whether it is the first time."""
        with self._tally.lock:
            if key in self._tally.notes:
                return False
            self._tally.notes[key] = text
        self._ledger.add(text)
        return True

    def saved(self) -> Saved:
        """Return what this process has saved, used and noted of the run."""
        tally = self._tally
        with tally.lock:
            return Saved(tuple(tally.saved.values()), tuple(tally.used.values()), tuple(tally.notes.values()))


def _suffix_of(name: str) -> str:
    suffix = PurePath(name).suffix.lower()
    return suffix if len(suffix) <= _SUFFIX and suffix[1:].isalnum() and suffix.isascii() else ""


def _file_name(name: str, samples: Sequence[str], suffix: str) -> tuple[str, str]:
    """Return the safe name of a file, and what it stands for."""
    parts = [safe_name(samples[0])] if samples else []
    if len(samples) > 1:
        parts[0] += f"-and-{len(samples) - 1}-more"
    if name or not parts:
        parts.append(safe_name(name))
    file_name = "-".join(parts)
    if not name or not file_name.lower().endswith(suffix):
        file_name += suffix
    return file_name, "\0".join((*samples, "", name, suffix))
