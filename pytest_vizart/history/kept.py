"""Which runs of a session stand in the history already, and which names are used up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import pyarrow.parquet as pq

from pytest_vizart.history.names import SUFFIX, other_stems, parse_name, session_in_name
from pytest_vizart.history.parquet_file import DAMAGED, open_parquet, read_footer
from pytest_vizart.storage.store import Entry, Store

T = TypeVar("T")


def kept_run_ids(store: Store, session_id: str) -> dict[str, set[str]]:
    """Return the IDs of the session's runs by the stem of the file that holds them; damaged files hold none.

    Runs in compacted files are not found: a session is not compacted while its journal stands.

    Raises:
        OSError: it cannot be read now.
    """
    found: dict[str, set[str]] = {}
    for entry in store.files("metrics/runs"):
        if parse_name(entry.base_name).session == session_in_name(session_id):
            for ids in _read(store, entry, lambda file: file.read(columns=["run_id"])["run_id"].to_pylist()):
                found[entry.base_name.removesuffix(SUFFIX)] = set(ids)
    return found


def replaced_names(store: Store, table: str) -> frozenset[str]:
    """Return the base names that compacted files of a table replace: nobody sees what is written under one of them.

    Raises:
        OSError: it cannot be read now.
    """
    found: set[str] = set()
    for entry in store.files(f"metrics/{table}"):
        if parse_name(entry.base_name).level:
            for footer in _read(store, entry, read_footer):
                found |= footer.replaces
    return frozenset(found)


def free_stem(store: Store, stem: str, tables: Iterable[str]) -> str:
    """Return the name itself if files of these tables can be written under it, else always the same other one.

    Raises:
        OSError: it cannot be read now.
    """
    taken = {name for table in tables for name in replaced_names(store, table)}
    return next(each for each in other_stems(stem) if f"{each}{SUFFIX}" not in taken)


def _read(store: Store, entry: Entry, work: Callable[[pq.ParquetFile], T]) -> Iterator[T]:
    """Yield what `work` makes of a file, nothing if it is damaged or gone."""
    try:
        with store.open(entry.name) as source, open_parquet(source, remote=store.local is None) as file:
            yield work(file)
    except FileNotFoundError:
        return
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return  # pyarrow's own error of a damaged file
