"""Compressing the log files of earlier days, so that nothing is lost or read twice whenever it is interrupted.

A file is locked, so that nobody writes to it; set aside under a name of its own, since its name may be used again;
compressed to a temporary name; renamed; deleted. Readers leave a file out where its compressed form stands beside it.
"""

from __future__ import annotations

import gzip
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pytest_vizart.audit.file_locks import lock_alone
from pytest_vizart.audit.log_names import FOLDER, LogName, parse_name
from pytest_vizart.errors import warn

UNTOUCHED_S = 86_400.0
_LEVEL = 6  # a tenth of the size; level 9 takes four times as long for 4 % less
_TEMPORARY = ".compressing-"


def compress_old_logs(
    output: Path,
    budget_s: float | None = None,
    *,
    now: Callable[[], float] = time.time,
    elapsed: Callable[[], float] = time.monotonic,
) -> int:
    """Compress the log files of earlier days that nobody has touched for a day; return how many were.

    No file is begun when `budget_s` seconds are over; one that was begun is ended, so that every call gets on. What
    goes wrong is warned of.
    """
    folder, begun_s, now_s = output / FOLDER, elapsed(), now()
    compressed = 0
    for path, name in _old_files(folder, now_s):
        if budget_s is not None and elapsed() - begun_s >= budget_s:
            break
        try:
            compressed += _compress(path, name)
        except FileNotFoundError:  # another process was faster
            continue
        except OSError as error:
            warn(f"{path}: this log cannot be compressed ({error.strerror or error})")
            break
    return compressed


def _old_files(folder: Path, now_s: float) -> list[tuple[Path, LogName]]:
    today = datetime.fromtimestamp(now_s, UTC).date()
    found: list[tuple[Path, LogName]] = []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []
    for entry in entries:
        name = parse_name(entry.name)
        with suppress(OSError):
            if entry.name.startswith(_TEMPORARY) and now_s - entry.stat().st_mtime > UNTOUCHED_S:
                Path(entry.path).unlink()  # of a process that died over it
            if name is None or name.compressed or name.date >= today or not entry.is_file(follow_symlinks=False):
                continue
            if now_s - entry.stat(follow_symlinks=False).st_mtime >= UNTOUCHED_S:
                found.append((Path(entry.path), name))
    return found


def _compress(path: Path, name: LogName) -> bool:
    with path.open("rb") as source:
        if not lock_alone(source.fileno()):
            return False
        if not name.set_aside:
            name = replace(name, stem=f"{name.stem}.z{uuid.uuid4().hex[:8]}")
            path = path.rename(path.with_name(str(name)))
        temporary = path.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
        told = os.fstat(source.fileno())
        try:
            with temporary.open("wb") as raw:
                with gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as target:
                    shutil.copyfileobj(source, target, 1 << 20)
                raw.flush()
                os.fsync(raw.fileno())
            os.utime(temporary, ns=(told.st_atime_ns, told.st_mtime_ns))  # by which its age is told
            temporary.replace(path.with_name(str(replace(name, compressed=True))))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        path.unlink()
    return True
