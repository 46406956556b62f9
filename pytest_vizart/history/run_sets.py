"""What ends of files tell of the runs in them, so that the IDs in small tables need not be read.

IDs are random: they are half of what these tables hold, and comparing those of two tables takes longer than most of
what is asked of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import pyarrow as pa
import pyarrow.compute as pc

from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.parquet_file import KeptFile, RunSet


def each_row_counts(files: TableFiles, live: Sequence[KeptFile]) -> bool:
    """Whether it is told that all rows of a table's files are of runs that are kept, and of each run in one file.

    Args:
        live: all files of the table that count.

    Raises:
        VanishedError: a file went away meanwhile.
    """
    runs = files.listing("runs").live
    # Where a session's runs lie loose, all of its rows are theirs.
    loose = {file.entry.base_name for file in runs if file.name.level == 0}
    if any(file.name.level == 0 and file.entry.base_name not in loose for file in live):
        return False
    # Where the sets are the same and no run is in two files of `runs`, none is in two of the others.
    return compacted_alike(files, runs, live) and (len(live) < 2 or _are_different(files, runs))


def compacted_alike(files: TableFiles, runs: Sequence[KeptFile], live: Sequence[KeptFile]) -> bool:
    """Whether the compacted ones of a table's files hold the very runs that those of `runs` do, as far as is told.

    Raises:
        VanishedError: a file went away meanwhile.
    """
    whole = _told(files, runs)
    return whole is not None and whole == _told(files, live)


def _told(files: TableFiles, live: Sequence[KeptFile]) -> RunSet | None:
    footers = [files.footer(file) for file in live if file.name.level != 0]
    sets = [None if footer is None else footer.runs for footer in footers]
    known = [each for each in sets if each is not None]
    return reduce(add, known, RunSet(0, 0)) if len(known) == len(sets) else None


def _are_different(files: TableFiles, runs: Sequence[KeptFile]) -> bool:
    files.fetch(runs)
    tables = files.read_all_small(runs, ("run_id",))
    files.forget_fetched()
    if len(tables) < len(runs):
        return False  # a damaged one
    ids = pa.chunked_array(
        [chunk.cast(pa.string()) for table in tables for chunk in table["run_id"].chunks], pa.string()
    )
    return bool(pc.count_distinct(ids).as_py() == len(ids))
