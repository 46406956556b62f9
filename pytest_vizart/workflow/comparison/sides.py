"""Which runs a name means: a run, a session, a commit, a branch, a day, or the last session."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_vizart.errors import UsageError

LAST = "last"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TOLD = 10
_TOLD_RUNS = 3

RunRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Side:
    """The runs that a name means: of each test, the last one; `runs` by test ID.

    kind: run, session, commit, branch, day, last. name: in full.
    """

    kind: str
    name: str
    runs: dict[str, RunRow]

    @property
    def is_run(self) -> bool:
        return self.kind == "run"


@dataclass(frozen=True, slots=True)
class _Kind:
    """A way to name runs. key: what a run is called by it; None for a run that has no such name."""

    name: str
    key: Callable[[RunRow], str | None]
    shortened: bool = False  # the beginning of a name will do


_KINDS = (
    _Kind("run", lambda row: row["run_id"], shortened=True),
    _Kind("session", lambda row: row["session_id"], shortened=True),
    _Kind("commit", lambda row: row["commit"], shortened=True),
    _Kind("branch", lambda row: row["branch"]),
    _Kind("day", lambda row: None if row["started_at"] is None else row["started_at"][:10]),
)
_BY_NAME = {kind.name: kind for kind in _KINDS}


def side(rows: Sequence[RunRow], name: str) -> Side:
    """Return the runs that a name means.

    Args:
        rows: of the table `runs`, oldest first, with `started_at` as ISO 8601 text, UTC.
        name: the beginning of a run ID, session ID or commit; a branch; a day, "2026-11-20"; "last" for the last
            session. "branch:x" and the like say which of them is meant.

    Raises:
        UsageError: nothing is called so, or several things are.
    """
    if name == LAST and rows:
        session_id = rows[-1]["session_id"]
        return _side("last", session_id, [row for row in rows if row["session_id"] == session_id])
    word, colon, rest = name.partition(":")
    kinds: Sequence[_Kind] = (_BY_NAME[word],) if colon and word in _BY_NAME else _KINDS
    asked = rest if colon and word in _BY_NAME else name
    found = _meant(rows, asked, kinds)
    if len(found) == 1:
        ((kind, full),) = found
        return _side(kind, full, [row for row in rows if _BY_NAME[kind].key(row) == full])
    raise _refusal(rows, name, found)


def narrowed(one: Side, other: Side) -> tuple[Side, Side]:
    """Return two sides of the same tests, where one of them is a single run.

    Two single runs are compared whatever their tests are: the second one is looked at as the first one's test.
    """
    if one.is_run and other.is_run:
        ((test_id, _),), ((_, row),) = one.runs.items(), other.runs.items()
        return one, Side(other.kind, other.name, {test_id: row})
    if one.is_run:
        return one, _only(other, one.runs)
    return (_only(one, other.runs), other) if other.is_run else (one, other)


def _only(side: Side, tests: Iterable[str]) -> Side:
    return Side(side.kind, side.name, {test_id: side.runs[test_id] for test_id in tests if test_id in side.runs})


def _side(kind: str, name: str, rows: Sequence[RunRow]) -> Side:
    return Side(kind, name, {row["test_id"]: row for row in rows})


def _meant(rows: Sequence[RunRow], asked: str, kinds: Sequence[_Kind]) -> list[tuple[str, str]]:
    """Kind and full name of all that may be meant; a name in full goes before one that only begins so."""
    exact: dict[tuple[str, str], None] = {}
    begun: dict[tuple[str, str], None] = {}
    for kind in kinds if asked else ():
        for full in dict.fromkeys(kind.key(row) for row in rows):
            if full == asked:
                exact[kind.name, full] = None
            elif full is not None and kind.shortened and full.startswith(asked):
                begun[kind.name, full] = None
    return list(exact or begun)


def _refusal(rows: Sequence[RunRow], name: str, found: Sequence[tuple[str, str]]) -> UsageError:
    if found:
        told = ", ".join(f"{kind}:{full}" for kind, full in found[:_TOLD])
        more = f" and {len(found) - _TOLD:,} more" if len(found) > _TOLD else ""
        return UsageError(
            f"{len(found):,} things are called so", place=name, expected=f"one of {told}{more}",
            hint="give more of it, or say which with run:, session:, commit:, branch: or day:",
        )  # fmt: skip
    of_test = [row for row in rows if name and name in row["test_id"]]
    if of_test:
        last = ", ".join(f"run:{row['run_id'][:8]}" for row in reversed(of_test[-_TOLD_RUNS:]))
        return UsageError(
            "this is the name of a test, not of runs", place=name,
            expected=f"the beginning of a run, session or commit, a branch, a day or {LAST!r}; its last runs: {last}",
            hint=f"give --test {name!r} to compare this test only",
        )  # fmt: skip
    what = "no run was made on that day" if _DAY.fullmatch(name) else "nothing in the history is called so"
    branches = dict.fromkeys(row["branch"] for row in reversed(rows) if row["branch"])
    known = f"; branches: {', '.join(list(branches)[:_TOLD])}" if branches else ""
    return UsageError(
        what, place=name, expected=f"the beginning of a run, session or commit, a branch, a day or {LAST!r}{known}",
        hint="see `vizart runs`",
    )  # fmt: skip
