"""Importing: read, leave out what the history has, and keep the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_vizart.errors import HistoryError
from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import choose_stem, write_tables
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.importing.model import Imported, Skipped
from pytest_vizart.workflow.importing.reading import told
from pytest_vizart.workflow.importing.registry import AUTO, sources
from pytest_vizart.workflow.importing.rows import Named, named, tables_of


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one file, or one folder of asv.

    runs: how many were added. known: how many the history had. first_us, last_us: of all of them, microseconds since
    1970; None without any.
    """

    source: str
    format: str
    runs: int
    known: int
    tests: tuple[str, ...]
    first_us: int | None
    last_us: int | None
    skipped: tuple[Skipped, ...]


def import_results(places: Sequence[Path], output: Store, form: str = AUTO) -> Iterator[Kept]:
    """Read results of other programs and keep their runs, file by file; a file that cannot be read is in `skipped`.

    The runs serve as no baseline, and their machine is none of ours: what another program measured, in another way, is
    there to be looked at and not to be judged by.

    Raises:
        HistoryError: the history cannot be written.
    """
    known = set(History(output).runs(columns=["run_id"])["run_id"].to_pylist())
    for place in places:
        for found in _found(place, form):
            yield _keep(found, output, known)


def _found(place: Path, form: str) -> Iterator[Imported]:
    try:
        for path, reader in sources(place, form):
            try:
                yield reader(path)
            except HistoryError as error:
                yield _unread(path, form, error)
    except (HistoryError, OSError) as error:
        yield _unread(place, form, error)


def _unread(path: Path, form: str, error: HistoryError | OSError) -> Imported:
    """A file of which nothing could be read; its name is in the error already."""
    found = Imported(str(path), form)
    if isinstance(error, HistoryError):
        found.skip(error.place, told(error), error.file)
    else:
        found.skip(None, error.strerror or str(error))
    return found


def _keep(found: Imported, output: Store, known: set[str]) -> Kept:
    """Write what is new; `known` learns it."""
    runs = named(found.format, found.runs)
    new: list[Named] = [each for run_id, each in runs.items() if run_id not in known]
    if new:
        session_id, tables = tables_of(found.format, new)
        started_us = min(each.run.started_us for each in new)
        # An import that was killed half-way, done again, replaces its files instead of adding some of the same runs.
        stem = choose_stem(session_id, started_us)[:-6] + session_id[:6]
        write_tables(output, tables, session_id=session_id, started_us=started_us, stem=stem)
        known.update(each.run_id for each in new)
    times = [each.run.started_us for each in runs.values()]
    return Kept(
        found.source, found.format, len(new), len(runs) - len(new),
        tuple(dict.fromkeys(each.run.test_id for each in runs.values())),
        min(times, default=None), max(times, default=None), tuple(found.skipped),
    )  # fmt: skip
