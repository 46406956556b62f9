"""Sending what a session wrote in its outbox to the object store where its runs are kept.

The tables go there at once; log lines and artifacts are written one by one and cannot. Whatever lies in the outbox and
belongs to no session under way is sent, so that what a killed or disconnected session left goes with the next one.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Collection
from pathlib import Path

from pytest_vizart.errors import warn
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.store import Store

_FOLDERS = ("runs", "logs")
_POOL = "artifacts"  # only links equal files together, which an object store cannot


def publish(outbox: Path, store: Store, *, others_at_work: bool, run_ids: Collection[str], log_part: str) -> bool:
    """Send logs and artifacts, and forget what was sent; False if something could not be, of which the user is warned.

    `others_at_work`: other sessions work in this outbox: then only the runs `run_ids` and the log `log_part` are sent.
    """
    box = FolderStore(outbox)
    for folder in _FOLDERS:
        for entry in box.files(folder, recursive=True):
            if others_at_work and not _is_ours(entry.name, run_ids, log_part):
                continue
            try:
                _send(box, store, entry.name)
            except OSError as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                warn(
                    f"{store.where(entry.name)}: logs and artifacts cannot be sent ({reason}); "
                    f"hint: they wait in {outbox}, and go with the next session"
                )
                return False
    if not others_at_work:
        for folder in (*_FOLDERS, _POOL):
            box.delete_folder(folder)
    return True


def _is_ours(name: str, run_ids: Collection[str], log_part: str) -> bool:
    parts = name.split("/")
    return parts[1] in run_ids if parts[0] == "runs" else f".{log_part}." in parts[-1]


def _send(box: FolderStore, store: Store, name: str) -> None:
    payload = box.read(name)
    if name.endswith(".jsonl"):
        # The digest: lines that come later under this name must not replace these, and sending twice must not double.
        digest = hashlib.blake2b(payload, digest_size=4).hexdigest()
        store.write(f"{name.removesuffix('.jsonl')}.{digest}.jsonl.gz", gzip.compress(payload, mtime=0))
    else:
        store.write(name, payload)
    box.delete([name])
