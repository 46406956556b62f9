"""Writing: one immutable Parquet file per session and table, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow as pa

from pytest_vizart.errors import HistoryError
from pytest_vizart.history.encoding import parquet_bytes
from pytest_vizart.history.kept import free_stem
from pytest_vizart.history.names import SUFFIX, choose_stem
from pytest_vizart.history.parquet_file import VERSION_KEY
from pytest_vizart.history.rows import as_table
from pytest_vizart.history.schema import SCHEMA_VERSION
from pytest_vizart.storage.opening import open_store
from pytest_vizart.storage.store import Store

__all__ = ["choose_stem", "free_stem", "prepare_output", "write_decision", "write_tables"]

_GITIGNORE = "# Written by pytest-vizart: measurements belong to the machine that made them.\n*\n"


def prepare_output(output: Path) -> None:
    """Make the output folder, with a `.gitignore` of its own.

    Raises:
        HistoryError: it cannot be made or written to.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        ignore = output / ".gitignore"
        if not ignore.exists():
            ignore.write_text(_GITIGNORE, encoding="utf-8")
        if not os.access(output, os.W_OK):
            raise PermissionError(13, "no permission to write")
    except OSError as error:
        raise HistoryError(
            f"the output folder cannot be written ({error.strerror or error})",
            file=output,
            expected="a folder to write to",
            hint="give another one with --vizart-output=DIR; this session is measured but not kept",
        ) from error


def write_tables(
    output: str | PathLike[str] | Store,
    tables: Mapping[str, pa.Table],
    *,
    session_id: str,
    started_us: int,
    stem: str | None = None,
    is_free: bool = False,
) -> list[str]:
    """Write one file per table and return their paths or URLs.

    Args:
        output: a folder, a URL, or a Store.
        stem: name of the files, as `choose_stem` gives it; whoever writes under it again replaces them. By default a
            new one. Where a compacted file replaces one of that name already, another one is taken.
        is_free: that there is none is known.

    Raises:
        HistoryError: a file cannot be written; files of the same call that were written already stay.
    """
    store = open_store(output)
    if stem is None:
        stem = choose_stem(session_id, started_us, several=_has_other_sessions(tables.get("runs"), session_id))
    elif not is_free:
        stem = _free(store, stem, tables)
    written = []
    # `runs` comes last: a reader that sees a run finds the rest of it too.
    for table_name in sorted(tables, key=lambda name: name == "runs"):
        name = f"metrics/{table_name}/{stem}{SUFFIX}"
        try:
            store.write(name, _as_parquet(table_name, tables[table_name]))
        except (OSError, pa.ArrowException) as error:
            raise HistoryError(
                f"the history cannot be written ({_reason(error)})",
                file=store.where(name),
                hint="free space, or give another place with --vizart-output",
            ) from error
        written.append(store.where(name))
    return written


def write_decision(
    output: str | PathLike[str] | Store,
    run_id: str,
    accepted: bool | None = None,
    *,
    pinned: bool | None = None,
    decided_us: int,
) -> str:
    """Keep somebody's decision: whether a run is a baseline from now on, whether no clean-up may take it.

    None says nothing of that question. Returns the file's path or URL.
    """
    row: dict[str, list[Any]] = {
        "run_id": [run_id],
        "accepted": [accepted],
        "decided_at": [decided_us],
        "pinned": [pinned],
    }
    tables = {"decisions": as_table("decisions", row)}
    return write_tables(output, tables, session_id=run_id, started_us=decided_us)[0]


def _free(store: Store, stem: str, tables: Mapping[str, pa.Table]) -> str:
    try:
        return free_stem(store, stem, tables)
    except OSError as error:
        raise HistoryError(
            f"the history cannot be read before it is written ({_reason(error)})",
            file=str(store),
            hint="check that the place is there and may be read",
        ) from error


def _has_other_sessions(runs: pa.Table | None, session_id: str) -> bool:
    """Files are searched by the session in their name, unless it says that they hold several."""
    return runs is not None and set(runs["session_id"].to_pylist()) - {session_id} != set()


def _as_parquet(table_name: str, table: pa.Table) -> pa.Buffer:
    told = {VERSION_KEY: str(SCHEMA_VERSION)}
    return parquet_bytes(table_name, table.replace_schema_metadata(told))


def _reason(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return str(strerror or error).splitlines()[0] if str(error) else type(error).__name__
