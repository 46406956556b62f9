"""Cleaning up when a session ends: within a time budget, and never to the harm of a test."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path

from pytest_vizart.errors import VizartError, warn
from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.report.wording import plural
from pytest_vizart.storage.opening import open_store
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.cleaning.carrying_out import carry_out
from pytest_vizart.workflow.cleaning.planning import plan
from pytest_vizart.workflow.cleaning.records import Cleaned, CleaningPlan
from pytest_vizart.workflow.disk import size_text

_MARK = ".artifacts-looked-through"
_DAY_S = 86_400
_LONG = 0.5  # of the budget
_LEAST = 0.3  # of the budget, for what goes: however long it took to see what, each session gets on
_ONCE_A_DAY = 3.0  # budgets


def clean_up(
    place: str | PathLike[str] | Store, retention: Retention, budget_s: float = 1.0, *, base: str | None = None
) -> str | None:
    """Take what the retention says, and return one line about it; None if nothing went.

    Trouble is warned of. What the time does not suffice for goes at the end of the next session; many
    artifacts are looked through once a day.
    """
    if not retention:
        return None
    begun = time.monotonic()
    try:
        planned = _planned(open_store(place), retention, begun, budget_s, base)
        cleaned = carry_out(planned, max(budget_s - (time.monotonic() - begun), budget_s * _LEAST))
    except (VizartError, OSError) as error:
        warn(f"{place}: what is older than the retention cannot be deleted ({_reason(error)})")
        return None
    for problem in cleaned.problems[:1]:
        warn(problem)
    told = [text for text in (cleaned_text(cleaned), *planned.notes) if text]
    return f"retention: {'; '.join(told)}" if told else None


def _planned(store: Store, retention: Retention, begun: float, budget_s: float, base: str | None) -> CleaningPlan:
    """The plan. Where looking through the artifacts takes long, they are looked through once a day."""
    mark = None if store.local is None else store.local / _MARK
    if mark is not None and _is_of_today(mark):
        retention = replace(retention, artifacts=Keep())
    until_s = begun + budget_s * _ONCE_A_DAY
    now_us = time.time_ns() // 1_000
    planned = plan(store, retention, now_us, base=base, quick=True, artifacts_until_s=until_s)
    if mark is not None and retention.artifacts and time.monotonic() - begun > budget_s * _LONG:
        with suppress(OSError):
            mark.touch()
    return planned


def _is_of_today(mark: Path) -> bool:
    try:
        return abs(time.time() - mark.stat().st_mtime) < _DAY_S
    except OSError:
        return False


def _reason(error: Exception) -> str:
    if isinstance(error, VizartError):
        return error.problem
    return str(getattr(error, "strerror", None) or error)


def cleaned_text(cleaned: Cleaned) -> str:
    """Return what went, as `12 runs, 3 logs and 80 folders of artifacts deleted, 1.2 GB freed`."""
    counts = (
        (cleaned.runs, "run", "runs"),
        (cleaned.logs, "log", "logs"),
        (cleaned.artifacts, "folder of artifacts", "folders of artifacts"),
        (cleaned.left_behind, "thing left behind", "things left behind"),
    )
    named = [plural(count, one, many) for count, one, many in counts if count]
    rest = "" if cleaned.finished else "; the rest goes next time"
    if not named:
        return f"{size_text(cleaned.freed_bytes)} freed{rest}" if cleaned.freed_bytes else ""
    listing = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"{listing} deleted, {size_text(cleaned.freed_bytes)} freed{rest}"
