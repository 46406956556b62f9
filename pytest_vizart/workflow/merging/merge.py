"""Joining outputs: history run by run, logs line by line, artifacts file by file.

Doing it again changes nothing, and what was interrupted is simply done again. Sources are only read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from pytest_vizart.errors import HistoryError, UsageError
from pytest_vizart.history.joining import join_history
from pytest_vizart.history.journal import sessions_in
from pytest_vizart.history.writer import prepare_output
from pytest_vizart.report.wording import plural
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.opening import open_store
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.locking import alone_in, unwritable
from pytest_vizart.workflow.merging.artifact_files import join_artifacts
from pytest_vizart.workflow.merging.log_lines import join_logs

_FOLDERS = ("metrics", "logs", "runs")


@dataclass(frozen=True, slots=True)
class Merged:
    """What came from one source. `problems` are of its damaged parts, `notes` of what merging does not touch."""

    source: str
    runs: int = 0
    known_runs: int = 0
    decisions: int = 0
    log_lines: int = 0
    artifacts: int = 0
    written_bytes: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def merge(sources: Sequence[str | PathLike[str] | Store], target: str | PathLike[str] | Store) -> list[Merged]:
    """Add what each source holds to the target, one after the other.

    Args:
        sources: output folders or URLs.
        target: the output folder or URL that all of it goes to; it is made if it is not there.

    Raises:
        UsageError: a source is not there, or is the target, or one lies inside of the other.
        HistoryError: the target cannot be written, or another process is compacting or cleaning it.
    """
    stores = [open_store(source) for source in sources]
    goal = open_store(target)
    for store in stores:
        _refuse_if_unfit(store, goal)
    if goal.local is not None:
        _prepare(goal.local)
    with alone_in(goal) as held:
        if not held:
            raise HistoryError(
                "another process is compacting, cleaning or merging here", file=str(goal), hint="try again in a minute"
            )
        return [_add(store, goal) for store in stores]


def _prepare(output: Path) -> None:
    try:
        prepare_output(output)
    except HistoryError as error:
        cause = error.__cause__
        if isinstance(cause, OSError):
            raise unwritable(FolderStore(output), cause) from error
        raise


def _add(source: Store, target: Store) -> Merged:
    try:
        busy = set() if source.local is None else sessions_in(source.local)
        joined = join_history(source, target)
        known = joined.runs | joined.known
        lines = join_logs(source, target)
        files = join_artifacts(source, target, run_ids=known if busy else None)
    except OSError as error:
        raise HistoryError(
            f"merging {source} was interrupted ({error.strerror or error})",
            file=str(target),
            hint="do it again: what is there already is not added twice",
        ) from error
    return Merged(
        source=str(source),
        runs=len(joined.runs),
        known_runs=len(joined.known),
        decisions=joined.decisions,
        log_lines=lines.lines,
        artifacts=files.files,
        written_bytes=joined.written_bytes + lines.written_bytes + files.written_bytes,
        problems=(*joined.problems, *lines.problems, *files.problems),
        notes=_notes(source, busy),
    )


def _notes(source: Store, busy: set[str]) -> tuple[str, ...]:
    notes = []
    if busy:
        notes.append(
            f"{plural(len(busy), 'session')} under way, or died, there (journal/): not merged; "
            "merge again when it has ended, or when the next session there has taken it over"
        )
    if not any(source.files(folder, recursive=True) for folder in _FOLDERS):
        inside = source.local is not None and (source.local / ".vizart").is_dir()
        notes.append("no output is here" + ("; hint: name the folder .vizart in it" if inside else ""))
    return tuple(notes)


def _refuse_if_unfit(source: Store, target: Store) -> None:
    if source.local is not None and not source.local.is_dir():
        raise UsageError("no such folder", file=source.local, hint="name output folders, such as shard-1/.vizart")
    one, other = (_parts(store) for store in (source, target))
    if one == other:
        raise UsageError("the source is the target", file=str(source), hint="merge others into it")
    if one == other[: len(one)] or other == one[: len(other)]:
        raise UsageError(
            "source and target lie inside of each other",
            file=str(source),
            place=f"target {target}",
            hint="give folders that are apart",
        )


def _parts(store: Store) -> tuple[str, ...]:
    """Where a store lies, so that one begins with another that it is inside of."""
    if store.local is not None:
        return store.local.resolve().parts
    return tuple(part for part in str(store).split("/") if part)
