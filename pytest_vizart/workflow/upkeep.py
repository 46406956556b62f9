"""What a session does for the place where its runs are kept, when they are kept: within about two seconds at most."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_vizart.audit.compression import compress_old_logs
from pytest_vizart.errors import warn
from pytest_vizart.history.compaction import compact
from pytest_vizart.history.journal import journals_stand
from pytest_vizart.settings import Settings
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.cleaning import clean_up
from pytest_vizart.workflow.disk import disk_warning
from pytest_vizart.workflow.publishing import publish

_BUDGET_S = 1.0
_LOGS_BUDGET_S = 0.3


def look_after(settings: Settings, store: Store, run_ids: Collection[str], log_part: str | None) -> tuple[str, ...]:
    """Compact, clean up, compress, and warn of a disk that fills; returns what to tell. Trouble is warned of.

    An object store is sent what lies in the outbox, and left alone otherwise: nothing keeps two sessions from
    compacting it at once. There `vizart compact` and `vizart clean` are called by hand, or by a nightly job.

    Args:
        run_ids: the runs that the session kept.
        log_part: what names the session's own log, see `publish`; None where nothing is sent.
    """
    folder, told = settings.output, []
    if store.local is None:
        with _harmless("sent", folder):
            at_work = journals_stand(folder)
            publish(folder, store, others_at_work=at_work, run_ids=run_ids, log_part=log_part or "")
        return ()
    with _harmless("compacted", folder):
        compact(store, budget_s=_BUDGET_S)
    with _harmless("cleaned up", folder):
        line = clean_up(store, settings.retention, budget_s=_BUDGET_S, base=settings.base)
        told += [line] if line else []
    with _harmless("looked after", folder):
        compress_old_logs(folder, _LOGS_BUDGET_S)
        if full := disk_warning(folder, settings.disk_warn_bytes):
            warn(full)
    return tuple(told)


@contextmanager
def _harmless(what: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the session's runs are kept; what is done for later ones must not harm it
        warn(f"{folder}: what is kept here cannot be {what} ({error})")
