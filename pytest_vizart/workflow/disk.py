"""How much room is left where the output lies, and how much of it is ours."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pytest_vizart.report.wording import printable

_KINDS = (("history", ("metrics",)), ("logs", ("logs",)), ("artifacts", ("runs", "artifacts")))
_MOST_FILES = 50_000  # counted before a warning says "more than"


def disk_warning(folder: Path, warn_bytes: int | None) -> str | None:
    """Return one line if less than `warn_bytes` is free where a folder lies or will lie, else None.

    What a file system without a size of its own (as /proc) has free is not known: nothing is said.
    """
    if not warn_bytes:
        return None
    try:
        usage = shutil.disk_usage(nearest(folder))
    except OSError:
        return None
    if not usage.total or usage.free >= warn_bytes:
        return None
    used = used_bytes(folder)
    shares = ", ".join(f"{kind} {size_text(size)}" for kind, size in used.by_kind.items() if size)
    more = "more than " if used.more else ""
    ours = f"vizart itself takes {more}{size_text(used.total)} ({shares})" if shares else "vizart takes none of it"
    hint = "vizart clean --retention 30d makes room" if shares else "free space, or move the output"
    return (
        f"{printable(str(folder))}: {size_text(usage.free)} free on this disk, less than {size_text(warn_bytes)}; "
        f"{ours}; hint: {hint}; --vizart-disk-warn=SIZE sets the limit"
    )


class Used:
    """Bytes that an output folder takes, by kind. `more`: there were too many files to count them all."""

    def __init__(self) -> None:
        self.by_kind: dict[str, int] = {}
        self.more = False

    @property
    def total(self) -> int:
        return sum(self.by_kind.values())


def used_bytes(folder: Path) -> Used:
    """Return what lies in an output folder; contents with several links count once."""
    used = Used()
    seen: set[tuple[int, int]] = set()
    for kind, names in _KINDS:
        used.by_kind[kind] = sum(_counted(folder / name, seen, used) for name in names)
    return used


def _counted(folder: Path, seen: set[tuple[int, int]], used: Used) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            if len(seen) >= _MOST_FILES:
                used.more = True
                return total
            try:
                told = Path(path, name).stat(follow_symlinks=False)
            except OSError:
                continue
            content = (told.st_dev, told.st_ino)
            if content not in seen:
                seen.add(content)
                total += told.st_size
    return total


def nearest(folder: Path) -> Path:
    """Return the folder itself, or the nearest one above it that is there."""
    for place in (folder, *folder.absolute().parents):
        if place.exists():
            return place
    return folder


def size_text(size_bytes: float) -> str:
    """Bytes as people read them, in units of 1000: 812 B, 1.2 kB, 34 MB, 5.0 GB."""
    if size_bytes < 1_000:
        return f"{size_bytes:.0f} B"
    for unit, factor in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        value = size_bytes / factor
        if value < 999.5 or unit == "GB":
            return f"{value:,.0f} {unit}" if value >= 9.95 else f"{value:.1f} {unit}"
    raise AssertionError("the last unit takes every size")
