"""Cleaning up when a session ends: within a time budget, and never to the harm of a test."""

from __future__ import annotations

import time
from os import PathLike

from pytest_vizart.errors import VizartError, warn
from pytest_vizart.records.keeping import Retention
from pytest_vizart.report.wording import plural
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.cleaning.carrying_out import carry_out
from pytest_vizart.workflow.cleaning.planning import plan
from pytest_vizart.workflow.cleaning.records import Cleaned
from pytest_vizart.workflow.disk import size_text


def clean_up(
    place: str | PathLike[str] | Store, retention: Retention, budget_s: float = 1.0, *, base: str | None = None
) -> str | None:
    """Take what the retention says, and return one line about it; None if nothing went.

    Trouble is warned of. What the time does not suffice for goes at the end of the next session.
    """
    if not retention:
        return None
    begun = time.monotonic()
    try:
        planned = plan(place, retention, time.time_ns() // 1_000, base=base, quick=True)
        cleaned = carry_out(planned, max(budget_s - (time.monotonic() - begun), 0.05))
    except (VizartError, OSError) as error:
        warn(f"{place}: what is older than the retention cannot be deleted ({error})")
        return None
    for problem in cleaned.problems[:1]:
        warn(problem)
    notes = "".join(f"; {note}" for note in planned.notes)
    told = cleaned_text(cleaned)
    return f"retention: {told}{notes}" if told or notes else None


def cleaned_text(cleaned: Cleaned) -> str:
    """Return what went, as `12 runs, 3 logs and 80 folders of artifacts deleted, 1.2 GB freed`."""
    counts = (
        (cleaned.runs, "run", "runs"),
        (cleaned.logs, "log", "logs"),
        (cleaned.artifacts, "folder of artifacts", "folders of artifacts"),
    )
    named = [plural(count, one, many) for count, one, many in counts if count]
    if not named:
        return f"{size_text(cleaned.freed_bytes)} freed" if cleaned.freed_bytes else ""
    listing = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    rest = "" if cleaned.finished else "; the rest goes next time"
    return f"{listing} deleted, {size_text(cleaned.freed_bytes)} freed{rest}"
