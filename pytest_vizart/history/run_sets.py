"""What the names and ends of files tell of the runs in them, so that their IDs need not be read.

IDs are random: they are half of what the small tables hold, and comparing those of two tables takes longer than most
of what is asked of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from operator import add

from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.parquet_file import KeptFile, RunSet


def compacted_alike(files: TableFiles, table: str) -> bool:
    """Whether the compacted files of a table hold the very runs that those of `runs` do, as far as is told.

    Raises:
        VanishedError: a file went away meanwhile.
    """
    whole = _told(files, "runs")
    return whole is not None and whole == _told(files, table)


def _told(files: TableFiles, table: str) -> RunSet | None:
    footers = [files.footer(file) for file in files.listing(table).live if file.name.level != 0]
    sets = [None if footer is None else footer.runs for footer in footers]
    known = [each for each in sets if each is not None]
    return reduce(add, known, RunSet(0, 0)) if len(known) == len(sets) else None


def loose_with_runs(files: TableFiles, live: Sequence[KeptFile]) -> bool:
    """Whether the loose ones among these files are of sessions whose runs lie loose: all of their rows are then theirs.

    Raises:
        VanishedError: a file went away meanwhile.
    """
    loose = {file.entry.base_name for file in files.listing("runs").live if file.name.level == 0}
    return all(file.entry.base_name in loose for file in live if file.name.level == 0)


def apart(live: Sequence[KeptFile]) -> bool:
    """Whether no two of these files are of the same time, so that none can hold a run that another one holds, too.

    Names tell it: a run is of one session, and a session's files have its time in their names.
    """
    if any(not file.name.first or (file.name.level == 0 and file.name.session is None) for file in live):
        return len(live) < 2
    times = sorted((file.name.first, file.name.last) for file in live)
    return all(before[1] < after[0] for before, after in pairwise(times))
