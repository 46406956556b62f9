"""Which files in an output are ours to delete: an output may be any folder, a project's root too."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from pathlib import Path

from pytest_vizart.history.journal import FOLDER as JOURNAL
from pytest_vizart.history.journal_files import is_link
from pytest_vizart.history.names import parse_name
from pytest_vizart.history.schema import TABLES
from pytest_vizart.storage.store import Store

IN_RUN_FOLDERS = frozenset({"run.json", "saved.jsonl", "flame.json", "stages"})
TOP_FOLDERS = ("metrics", "logs", "runs", "artifacts", JOURNAL)
_WRITTEN_BY_US = "# Written by pytest-vizart"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_POOL_FILE = re.compile(r"artifacts/([0-9a-f]{2})/\1[0-9a-f]{38}(\.[^/]*)?", re.DOTALL)


def is_output(store: Store) -> bool:
    """Whether runs were kept here: a folder has our `.gitignore`, tables, or a journal; an object store tables, or
    runs with their files.

    Raises: OSError.
    """
    if store.local is not None and (_has_our_ignore(store.local) or _has_journal(store.local)):
        return True
    tables = (entry for table in TABLES for entry in store.files(f"metrics/{table}"))
    if any(parse_name(entry.base_name).level is not None for entry in tables):
        return True
    return store.local is None and any(
        len(parts := entry.name.split("/")) > 2 and is_run_id(parts[1], ()) and parts[2] in IN_RUN_FOLDERS
        for entry in store.files("runs", recursive=True)
    )


def linked_folders(store: Store) -> tuple[str, ...]:
    """The folders of an output that are links: what lies there is left alone."""
    root = store.local
    return () if root is None else tuple(name for name in TOP_FOLDERS if is_link(root / name))


def is_run_id(name: str, known: Container[str]) -> bool:
    """Whether a folder in `runs/` has a run's name: one of the history, or one that is made as ours are."""
    return name in known or _UUID.fullmatch(name) is not None


def has_run_files(names: Iterable[str]) -> bool:
    """Whether a folder with these entries is one that a run made."""
    return not IN_RUN_FOLDERS.isdisjoint(names)


def is_pool_file(name: str) -> bool:
    """Whether a file, by its name in the output, is one of the pool: `artifacts/<2 hex>/<digest><suffix>`."""
    return _POOL_FILE.fullmatch(name) is not None


def _has_our_ignore(root: Path) -> bool:
    try:
        with (root / ".gitignore").open(encoding="utf-8", errors="replace") as file:
            return file.read(len(_WRITTEN_BY_US)) == _WRITTEN_BY_US
    except OSError:
        return False


def _has_journal(root: Path) -> bool:
    return any((root / JOURNAL).glob("*/owner*.json"))
