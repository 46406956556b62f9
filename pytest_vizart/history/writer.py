"""Writing: one immutable Parquet file per session and table (temporary file, fsync, rename)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pytest_vizart.errors import HistoryError
from pytest_vizart.history.rows import as_table
from pytest_vizart.history.schema import SCHEMA_VERSION

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


def write_tables(output: Path, tables: Mapping[str, pa.Table], *, session_id: str, started_us: int) -> list[Path]:
    """Write one file per table and return their paths.

    Raises:
        HistoryError: a file cannot be written; files of the same call that were written already stay.
    """
    stamp = datetime.fromtimestamp(started_us / 1e6, UTC).strftime("%Y%m%dT%H%M%S")
    # `runs` comes last: a reader that sees a run finds the rest of it too.
    names = sorted(tables, key=lambda name: name == "runs")
    return [write_file(_new_path(output / "metrics" / name, f"{stamp}-{session_id}"), tables[name]) for name in names]


def _new_path(folder: Path, stem: str) -> Path:
    """A path that is not taken: files are immutable, also when one session is kept in two parts."""
    path = folder / f"{stem}.parquet"
    part = 1
    while path.exists():
        part += 1
        path = folder / f"{stem}.{part}.parquet"
    return path


def write_decision(output: Path, run_id: str, accepted: bool, *, decided_us: int) -> Path:
    """Keep somebody's decision that a run is, or is not, a baseline from now on."""
    table = as_table(
        "decisions", {"run_id": [run_id], "accepted": [accepted], "decided_at": [decided_us], "pinned": [None]}
    )
    return write_tables(output, {"decisions": table}, session_id=run_id, started_us=decided_us)[0]


def write_file(path: Path, table: pa.Table) -> Path:
    """Write one Parquet file so that a reader sees all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    marked = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), "vizart_schema_version": str(SCHEMA_VERSION)}
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sink = pa.BufferOutputStream()
        pq.write_table(marked, sink, compression="zstd")
        with temporary.open("wb") as file:
            file.write(sink.getvalue())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise HistoryError(
            f"the history cannot be written ({error.strerror or error})",
            file=path,
            hint="free space or give another folder with --vizart-output=DIR",
        ) from error
    return path
