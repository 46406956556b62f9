"""Sending what a session wrote in its outbox to the object store where its runs are kept.

The tables go there at once; log lines and artifacts are written one by one and cannot. Whatever lies in the outbox and
belongs to no session under way is sent, so that what a killed or disconnected session left goes with the next one.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_vizart.audit.file_locks import lock_alone
from pytest_vizart.audit.log_names import FOLDER as LOGS
from pytest_vizart.audit.log_names import parse_name
from pytest_vizart.errors import warn
from pytest_vizart.history.journal import journals_stand
from pytest_vizart.history.journal_files import is_link
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.store import Entry, Store
from pytest_vizart.workflow.cleaning.artifact_folders import RUNS, pool_files
from pytest_vizart.workflow.ours import IN_RUN_FOLDERS, is_run_id

_FOLDERS = (RUNS, LOGS)
_SHARD = re.compile(r"[0-9a-f]{2}")
_POOL = "artifacts"  # only links equal files together, which an object store cannot


def publish(outbox: Path, store: Store, *, others_at_work: bool, run_ids: Collection[str], log_part: str) -> bool:
    """Send logs and artifacts, and forget what was sent; False if something could not be, of which the user is warned.

    What is not ours is neither sent nor deleted. `others_at_work`: other sessions work in this outbox: then only the
    runs `run_ids` and the log `log_part` are sent. Whether one has begun meanwhile is asked before each other file.
    """
    box = FolderStore(outbox)
    for folder in _FOLDERS:
        for entry in box.files(folder, recursive=True):
            mine = _is_mine(entry.name, run_ids, log_part)
            if not _is_ours(entry, run_ids) or not (mine or _is_free(outbox, others_at_work)):
                continue
            try:
                _send(box, store, entry.name, alone=not mine)
            except OSError as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                warn(
                    f"{store.where(entry.name)}: logs and artifacts cannot be sent ({reason}); "
                    f"hint: they wait in {outbox}, and go with the next session"
                )
                return False
    for name, told in pool_files(outbox):
        if told.st_nlink <= 1:  # no run here has this content any more
            with suppress(OSError):
                (outbox / name).unlink()
    for name in (*_FOLDERS, _POOL):
        if _is_free(outbox, others_at_work):
            _remove_empty(outbox / name, run_ids)
    return True


def _is_free(outbox: Path, others_at_work: bool) -> bool:
    return not others_at_work and not journals_stand(outbox)


def _is_ours(entry: Entry, run_ids: Collection[str]) -> bool:
    """Whether we wrote a file: an outbox may be any folder, a project's root too."""
    parts = entry.name.split("/")
    if parts[0] == LOGS:
        return len(parts) == 2 and parse_name(entry.base_name) is not None
    return len(parts) > 2 and is_run_id(parts[1], run_ids) and parts[2] in IN_RUN_FOLDERS


def _is_mine(name: str, run_ids: Collection[str], log_part: str) -> bool:
    parts = name.split("/")
    return parts[1] in run_ids if parts[0] == RUNS else bool(log_part) and f".{log_part}." in parts[-1]


def _send(box: FolderStore, store: Store, name: str, *, alone: bool) -> None:
    """Send a file and delete it. `alone`: unless somebody writes to this log."""
    is_log = name.startswith(f"{LOGS}/") and name.endswith(".jsonl")
    with _opened(box.root / name, alone=alone and is_log) as payload:
        if payload is None:
            return
        if is_log:
            # The digest: lines that come later under this name must not replace these, and sending twice must not
            # double.
            digest = hashlib.blake2b(payload, digest_size=4).hexdigest()
            store.write(f"{name.removesuffix('.jsonl')}.{digest}.jsonl.gz", gzip.compress(payload, mtime=0))
        else:
            store.write(name, payload)
        box.delete([name])


@contextmanager
def _opened(path: Path, *, alone: bool) -> Iterator[bytes | None]:
    """Give a file's bytes, and hold its lock until it is dealt with; None if it is locked, or gone."""
    try:
        file = path.open("rb")
    except FileNotFoundError:  # another session has sent it
        yield None
        return
    with file:
        yield file.read() if not alone or lock_alone(file.fileno()) else None


def _remove_empty(folder: Path, run_ids: Collection[str]) -> None:
    """Delete our folders in which no file is left."""
    if is_link(folder) or not folder.is_dir():
        return
    for inside in folder.iterdir():
        if is_run_id(inside.name, run_ids) or _SHARD.fullmatch(inside.name):
            for path, _, _ in os.walk(inside, topdown=False):
                with suppress(OSError):
                    Path(path).rmdir()
    with suppress(OSError):
        folder.rmdir()
