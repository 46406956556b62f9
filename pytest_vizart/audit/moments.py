"""Moments as users give them: dates, times, and how long ago. UTC, as everything in the log."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from pytest_vizart.errors import UsageError

Moment = date | datetime | str

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)(?:\s+ago)?")
_UNITS_S = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3_600, "hour": 3_600, "d": 86_400,
            "day": 86_400, "w": 604_800, "week": 604_800}  # fmt: skip
_DAYS = {"today": 0, "yesterday": 1}


def moment_of(value: Moment, place: str, now: datetime | None = None) -> datetime:
    """Return the moment in UTC.

    Args:
        value: a datetime (UTC if it has no zone); a date, which stands for its first moment; or text: "2026-11-20",
            "2026-11-20 14:30", "today", "yesterday", "now", "2h", "30min", "3 days ago".
        place: the argument's name, for the error.

    Raises:
        UsageError: it is none of these.
    """
    try:
        if isinstance(value, str):
            return _utc(_from_text(value.strip(), now or datetime.now(UTC)))
        if isinstance(value, datetime):
            return _utc(value)
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    except (ValueError, OverflowError, AttributeError):
        raise UsageError(
            "not a date or time",
            place=place,
            expected="a date, a time (UTC), yesterday, or how long ago in s, min, h, d or w",
            found=value,
            hint='such as "2026-11-20", "2026-11-20 14:30", "yesterday", "2h"',
        ) from None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _from_text(text: str, now: datetime) -> datetime:
    word = text.lower()
    if word == "now":
        return now
    if word in _DAYS:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=_DAYS[word])
    ago = _AGO.fullmatch(word)
    unit_s = None if ago is None else _UNITS_S.get(ago[2], _UNITS_S.get(ago[2].removesuffix("s")))
    if ago is None or unit_s is None:
        return datetime.fromisoformat(text)
    return now - timedelta(seconds=float(ago[1]) * unit_s)
