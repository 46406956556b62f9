"""Saving what a run makes: by name as the test asks, and outputs of stages by themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from pytest_vizart.audit.artifacts.ledger import Artifact, Saved
from pytest_vizart.audit.artifacts.placing import DiskError, TooLargeError
from pytest_vizart.audit.artifacts.registry import CannotWriteError
from pytest_vizart.audit.artifacts.store import MAX_RUN_BYTES, MAX_VALUE_BYTES, ArtifactStore, RunFullError
from pytest_vizart.errors import UsageError, warn
from pytest_vizart.golden.dataset import GoldenSample
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.recording.summaries import summarise
from pytest_vizart.records.keeping import ArtifactModes
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.run import RunResult
from pytest_vizart.workflow.comparing import Log
from pytest_vizart.workflow.sampling import Turn
from pytest_vizart.workflow.scorebook import Scorebook
from pytest_vizart.workflow.used_files import used_files

_MOST_LATELY = 256
_REFUSED = (TooLargeError, RunFullError, DiskError)


class OutputSaver:
    """Saves what stages hand over, as the modes say.

    What is to be saved of every sample is written at once, while the clocks of the stages around stand still. What
    depends on how the sample turns out is held until it is done, and forgotten if it is fine.
    """

    def __init__(self, modes: ArtifactModes, store: ArtifactStore, log: Log) -> None:
        self._modes = modes
        self._store = store
        self._log = log
        self._samples: tuple[str, ...] = ()
        self._all = False  # of the samples at hand
        self._warmup = True
        self._bad = False
        self._held: list[tuple[str, Any, str | None]] = []
        self._lately: dict[str, tuple[tuple[str, ...], bool]] = {}  # groups by their name, and whether all is saved
        self._done: set[tuple[str, tuple[str, ...]]] = set()
        self._lock = threading.Lock()

    def begin(self, samples: Sequence[str], first: Sequence[str], *, warmup: bool) -> None:
        """Say to which samples the following outputs belong. first: those that mode `sample:N` means."""
        self._samples, self._warmup, self._bad = tuple(samples), warmup, False
        self._all = not warmup and (self._modes.all or any(sample in first for sample in samples))
        self._held = []
        if not warmup:
            self._lately.pop(_group_name(samples), None)
            self._lately[_group_name(samples)] = (self._samples, self._all)
            if len(self._lately) > _MOST_LATELY:
                del self._lately[next(iter(self._lately))]

    @property
    def first_samples(self) -> int:
        return self._modes.samples

    def take(self, stage: str, sample_id: str | None, value: Any, digest: str | None) -> None:
        """Take one output of a stage. digest: of its summary, None where there is none.

        sample_id: of the sample on which the stage began, which is not the one at hand where a thread runs behind.
        """
        if self._store.disk_failed:
            return
        if sample_id is not None and sample_id != _group_name(self._samples):
            self._take_late(stage, sample_id, value)
        elif self._all:
            self._write(stage, value, self._samples)
        elif self._modes.failures:
            self._held.append((stage, value, digest))
        elif self._modes.final and not self._warmup:
            self._held = [(stage, value, digest)]

    def _take_late(self, stage: str, sample_id: str, value: Any) -> None:
        """Take an output of a sample that is done, of which it is known already how it turned out."""
        samples, wanted = self._lately.get(sample_id, ((sample_id,), self._modes.all))
        if wanted:
            self._write(stage, value, samples)
        elif self._modes.failures or self._modes.final:
            late = f"outputs of stage {stage} that came when their sample was done are not saved"
            self._store.note(f"late {stage}", f"artifacts: {late}")

    def judged(self, outcomes: Sequence[Outcome]) -> None:
        """Hear what became of the samples at hand."""
        if any(outcome.status in ("wrong", "invalid") for outcome in outcomes):
            self._bad = True

    def failed(self) -> None:
        """Hear that something was raised on the samples at hand, or that their prediction did not come."""
        self._bad = True

    def finish(self, off_the_clock: Callable[[], AbstractContextManager[None]]) -> None:
        """The samples at hand are done: write what is to be saved of them, and let go of the rest."""
        held, self._held = self._held, []
        if not self._bad or not self._modes.failures:
            held = held[-1:] if self._modes.final and not self._warmup else []
        if held:
            with off_the_clock():
                for stage, value, digest in held:
                    self._write(stage, value, self._samples, digest)
        self._bad = False

    def _write(self, stage: str, value: Any, samples: tuple[str, ...], digest: str | None = None) -> None:
        with self._lock:
            if (stage, samples) in self._done:
                return
            self._done.add((stage, samples))
        if value is None:
            return
        try:
            changed = digest is not None and summarise(value, stage=stage, sample_id=None).digest != digest
            artifact = self._store.put("", value, stage=stage, samples=samples)
        except _REFUSED as error:
            tell_refused(self._store, error, stage)
        except CannotWriteError as error:
            self._store.note(f"type {stage}", f"artifacts: the output of stage {stage} cannot be saved: {error}")
        except Exception as error:  # noqa: BLE001 - whatever a value does when it is written, the run goes on
            problem = f"{type(error).__name__}: {error}"
            self._store.note(f"type {stage}", f"artifacts: the output of stage {stage} cannot be saved: {problem}")
        else:
            tell_saved(self._log, artifact, changed_meanwhile=changed or None, warmup=self._warmup or None)


def _group_name(samples: Sequence[str]) -> str:
    """As spans name it."""
    return "|".join(samples)


def tell_saved(log: Log, artifact: Artifact, **more: Any) -> None:
    """Link a saved file from the audit trail."""
    sample = "|".join(artifact.samples) or None
    size = artifact.size_bytes
    log("artifact saved", stage=artifact.stage, sample=sample, output_path=artifact.path, size_bytes=size, **more)


def tell_refused(store: ArtifactStore, error: Exception, stage: str) -> bool:
    """Tell, once in a run for each reason, that a value was not saved; return whether it is the first time."""
    if isinstance(error, DiskError):
        store.disk_failed = True
        cause = error.cause
        first = store.note("disk", f"artifacts: not all are saved ({cause.strerror or cause})")
        if first:
            warn(f"{store.folder}: artifacts of this run are no longer saved ({cause.strerror or cause})")
        return first
    size_mb = getattr(error, "size_bytes", 0) / 1e6
    if isinstance(error, RunFullError):
        limit = f"the run has {MAX_RUN_BYTES // 10**6} MB of them, which is the most"
        return store.note(
            "full", f"artifacts: those of stage {stage} ({size_mb:.0f} MB) and later are left out: {limit}"
        )
    most = f"more than {MAX_VALUE_BYTES // 10**6} MB are not saved"
    return store.note("large", f"artifacts: an output of stage {stage} has {size_mb:.0f} MB or more; {most}")


class Saving:
    """The part of a run that saves files, and tells of those that it uses."""

    recorder: Recorder
    scorebook: Scorebook | None
    log: Log
    _models: dict[str, None]
    _artifacts: ArtifactStore
    _saver: OutputSaver | None
    _group: Sequence[GoldenSample]
    _here: Path | None  # the working directory when the run began
    _turn: Turn

    def save(self, name: str, value: Any, *, stage: str | None = None) -> Path | None:
        """Save a value under `runs/{run_id}/stages/{stage_name}/`; its name begins with the sample's ID.

        Bytes and text are written as they are, images and masks as PNG, arrays as NPY, several of them as NPZ, tables
        as Parquet (or CSV, where the name ends so; a flat list too), point clouds as PLY, plain data as JSON, other
        types by a writer that `register_artifact_writer` adds.

        Args:
            stage: whose folder it goes to; the stage that ended last on this sample if absent.

        Returns:
            The file's path; None if the disk does not take it, or if it is larger than 50 MB, or the run's files
            together than 500 MB, of which is warned once.

        Raises:
            UsageError: the value's type cannot be saved.
        """
        folder = stage or self.recorder.last_stage or "run"
        try:
            artifact = self._artifacts.keep(name, value, stage=folder, samples=[sample.id for sample in self._group])
        except _REFUSED as error:
            if tell_refused(self._artifacts, error, folder) and not isinstance(error, DiskError):
                warn(f"save({name!r}): not saved: {_reason(error)}")
            return None
        turn = self._turn
        later = turn.pass_index + 1 if turn.pass_index and not turn.warmup else None
        tell_saved(self.log, artifact, warmup=turn.warmup or None, **{"pass": later})
        return self._artifacts.path_of(artifact)

    def uses(self, path: str | PathLike[str]) -> Path:
        """Say that this run uses a file (or a folder), such as the weights of its model, and return its path.

        Its digest is kept with the run, so that runs of different models are told apart. It is read when the run has
        ended.

        Raises:
            UsageError: there is no such file.
        """
        try:
            absolute = Path(path).absolute()  # fails where the working directory is gone
            there = absolute.exists()
        except OSError:
            there = False
        if not there:
            raise UsageError(
                "no such file", place="uses()", expected="a file or a folder that is there", found=fspath(path)
            )
        self._models[str(absolute)] = None
        return Path(path)

    def finish_saving(self) -> Saved:
        """Write what is to be saved of the last samples, and return all that was saved and used. It raises nothing."""
        try:
            self._finish_outputs()
            for file in used_files(self._models, self._here):
                self._artifacts.use(file)
        except Exception as error:  # noqa: BLE001 - the verdict is reached whatever becomes of the artifacts
            warn(f"{self._artifacts.folder}: not all is saved: {type(error).__name__}: {error}")
        return self._artifacts.saved()

    def _finish_outputs(self) -> None:
        if self._saver is None:
            return
        book = self.scorebook
        if book is not None and any(book.lacks_prediction(sample) for sample in self._group):
            self._saver.failed()
        self._saver.finish(self.recorder.off_the_clock)


def _reason(error: Exception) -> str:
    most = MAX_RUN_BYTES if isinstance(error, RunFullError) else MAX_VALUE_BYTES
    whose = "the run's artifacts together" if isinstance(error, RunFullError) else "one artifact"
    return f"{whose} may have {most // 10**6} MB"


def with_saved(result: RunResult, saved: Saved) -> RunResult:
    """Return a run whose outcomes name what was saved of their sample and stage, with its models and notes."""
    paths: dict[tuple[str, str], list[str]] = {}
    for artifact in saved.artifacts:
        for sample in artifact.samples:
            paths.setdefault((sample, artifact.stage), []).append(artifact.path)
    outcomes = tuple(
        replace(each, artifacts=tuple(paths[each.sample_id, each.stage]))
        if (each.sample_id, each.stage) in paths
        else each
        for each in result.outcomes
    )
    models = {file.path: file.digest for file in saved.models if file.digest is not None}
    info = replace(result.info, models=models, notes=(*result.info.notes, *saved.notes))
    return replace(result, info=info, outcomes=outcomes)
