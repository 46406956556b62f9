"""What has had its time: which runs, logs or artifacts go under a `Keep`, and which runs stay whatever it says.

All of it is pure: what is there comes in, names go out.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

import pyarrow as pa

from pytest_vizart.records.keeping import Keep

BASELINE_RUNS = 15
"""Accepted runs that stay for each test, machine and branch: the gate compares with ten, and cannot use every one."""

DEFAULT_BASE_BRANCHES = ("main", "master")

_SECOND_US = 1_000_000
_HOUR_US = 3_600 * _SECOND_US
_DAY_US = 24 * _HOUR_US
YOUNG_US = _HOUR_US
_GAP_US = 30 * _DAY_US  # nobody ran for so long, or the clock is wrong
_BRANCH_IN_USE_US = 30 * _DAY_US  # branches of pull requests come and go
_BASE_IN_USE_US = 365 * _DAY_US  # tests are renamed, and machines scrapped

Because = Literal["age", "count", "size"]


@dataclass(frozen=True, slots=True)
class KeptRun:
    """What retention needs to know of a run. `size_bytes` is its share of the history, an estimate."""

    run_id: str
    session_id: str
    test_id: str
    started_us: int
    finished_us: int
    accepted: bool = False
    accepted_latency: bool = False
    fingerprint: str | None = None
    branch: str | None = None
    profile: str | None = None
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Thing:
    """Anything that is kept: a run, a log file, a run's folder of artifacts."""

    name: str
    at_us: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes and why, and what only its protection keeps, with the reason for that."""

    going: Mapping[str, Because] = field(default_factory=dict)
    spared: Mapping[str, str] = field(default_factory=dict)


def choose(things: Iterable[Thing], keep: Keep, *, now_us: int, protected: Mapping[str, str]) -> Choice:
    """Return what goes, oldest first, so that what stays is within every limit or protected.

    A count keeps the newest, whatever they are, and what is protected beside them: else old protected things would take
    the places of new ones. A size is of all that stays, since what is protected takes room too.

    `protected` gives a reason by name. Things of the future are the newest ones, and have no age yet.
    """
    oldest_first = sorted(things, key=lambda thing: (thing.at_us, thing.name))
    if not keep:
        return Choice()
    going = _beyond(oldest_first, keep, now_us, protected)
    without_protection = _beyond(oldest_first, keep, now_us)
    return Choice(going, {name: protected[name] for name in without_protection if name in protected})


def _beyond(
    oldest_first: Sequence[Thing], keep: Keep, now_us: int, protected: Container[str] = frozenset()
) -> dict[str, Because]:
    """The things at the beginning that are beyond a limit; those that are protected are passed over."""
    size_bytes = sum(thing.size_bytes for thing in oldest_first)
    going: dict[str, Because] = {}
    for position, thing in enumerate(oldest_first):
        if thing.name in protected:
            continue
        newest = len(oldest_first) - position  # so many, with this one
        because = _exceeded(keep, age_s=(now_us - thing.at_us) / 1e6, count=newest, size=size_bytes)
        if because is None:
            break
        going[thing.name] = because
        size_bytes -= thing.size_bytes
    return going


def _exceeded(keep: Keep, *, age_s: float, count: int, size: int) -> Because | None:
    if keep.age_s is not None and age_s > keep.age_s:
        return "age"
    if keep.count is not None and count > keep.count:
        return "count"
    if keep.size_bytes is not None and size > keep.size_bytes:
        return "size"
    return None


def loosened(keep: Keep, share: float) -> Keep:
    """Return the limits with a share added to each."""
    return Keep(
        age_s=None if keep.age_s is None else keep.age_s * (1 + share),
        count=None if keep.count is None else int(keep.count * (1 + share)),
        size_bytes=None if keep.size_bytes is None else int(keep.size_bytes * (1 + share)),
    )


def ages_counted_from(now_us: int, seen_us: Iterable[int]) -> int:
    """Return the moment from which ages are counted: now, unless the clock may have jumped ahead.

    A clock that was set to 2099 must not wipe a history. It is believed when something kept was already there between
    a day and 30 days ago; else ages are counted from the newest of what is older than a day, so that nothing goes that
    had not gone then. After a real break of 30 days the limits of age rest for one day.

    A clock that jumped back needs no care: what is in the future has no age.
    """
    before = max((at_us for at_us in seen_us if at_us <= now_us - _DAY_US), default=None)
    return now_us if before is None or now_us - before <= _GAP_US else before


def protected_runs(
    runs: Sequence[KeptRun],
    *,
    now_us: int,
    pinned: Container[str] = frozenset(),
    decided: Container[str] = frozenset(),
    busy_sessions: Container[str] = frozenset(),
    base_branches: Collection[str] = DEFAULT_BASE_BRANCHES,
    counted_from_us: int | None = None,
) -> dict[str, str]:
    """Return the runs that no limit takes, with the reason.

    Args:
        pinned: runs that somebody pinned.
        decided: runs that somebody made the baseline by hand.
        busy_sessions: sessions under way, and dead ones whose journal may still be written to the history.
        base_branches: branches that are compared with whatever the branch at hand.
        counted_from_us: what `ages_counted_from` gave; now without it.
    """
    reasons = dict.fromkeys(_baseline(runs, now_us if counted_from_us is None else counted_from_us, base_branches),
                            "baseline")  # fmt: skip
    for run in runs:
        if run.run_id in decided:
            reasons[run.run_id] = "accepted by hand"
        if is_young(now_us, run.finished_us):
            reasons[run.run_id] = "younger than an hour"
        if run.session_id in busy_sessions:
            reasons[run.run_id] = "its session is under way"
        if run.run_id in pinned:
            reasons[run.run_id] = "pinned"
    return reasons


def is_young(now_us: int, at_us: int) -> bool:
    """Whether something is of the last hour; by a clock that jumped back meanwhile, of the next."""
    return abs(now_us - at_us) < YOUNG_US


def _baseline(runs: Sequence[KeptRun], now_us: int, base_branches: Collection[str]) -> set[str]:
    """The newest accepted runs of each test, machine and branch that is in use.

    Without them the gate would go back to learning, which fails nothing. Of accuracy and of latency each, since runs
    beside other workers may be accepted for the first alone.
    """
    groups: dict[tuple[str, str | None, str | None], list[KeptRun]] = {}
    for run in sorted(runs, key=lambda run: (run.started_us, run.run_id)):
        groups.setdefault((run.test_id, run.fingerprint, run.branch), []).append(run)
    newest_of_test: dict[str, int] = {}
    for (test_id, _, _), group in groups.items():
        newest_of_test[test_id] = max(newest_of_test.get(test_id, group[-1].started_us), group[-1].started_us)
    found: set[str] = set()
    for (test_id, _, branch), group in groups.items():
        newest_us = group[-1].started_us
        in_use_us = _BASE_IN_USE_US if branch is None or branch in base_branches else _BRANCH_IN_USE_US
        if now_us - newest_us <= in_use_us or newest_us == newest_of_test[test_id]:
            found |= _newest_accepted(group)
    return found


def _newest_accepted(oldest_first: Sequence[KeptRun]) -> set[str]:
    accepted = [run for run in oldest_first if run.accepted]
    found = {run.run_id for run in accepted[-BASELINE_RUNS:]}
    by_profile: dict[str | None, list[KeptRun]] = {}
    for run in accepted:
        if run.accepted_latency:
            by_profile.setdefault(run.profile, []).append(run)
    return found.union(*({run.run_id for run in group[-BASELINE_RUNS:]} for group in by_profile.values()))


_COLUMNS = ("run_id", "session_id", "test_id", "accepted", "accepted_latency", "fingerprint", "branch", "profile")
RUN_COLUMNS = (*_COLUMNS, "started_at", "finished_at", "samples", "passes")
"""The columns of `runs` that `kept_runs` wants."""

_ROW_WEIGHT = 20  # what a run takes beside its spans: its row in `runs`, the names in the dictionaries


def kept_runs(table: pa.Table, history_bytes: int) -> list[KeptRun]:
    """Return the rows of `runs` as records, with each run's share of `history_bytes`.

    A run's rows are not stored apart: files hold many runs, packed together. So its share is estimated by how many
    samples it took in how many passes; all shares together are `history_bytes`.
    """
    columns = {name: table[name].to_pylist() for name in _COLUMNS}
    started = table["started_at"].cast("int64").to_pylist()
    finished = table["finished_at"].cast("int64").to_pylist()
    counts = zip(table["samples"].to_pylist(), table["passes"].to_pylist(), strict=True)
    weights = [_ROW_WEIGHT + (samples or 0) * max(passes or 1, 1) for samples, passes in counts]
    ends = [0, *accumulate(weights)]
    edges = [history_bytes * end // max(ends[-1], 1) for end in ends]
    rows = zip(*columns.values(), started, finished, edges[:-1], edges[1:], strict=True)
    return [_kept_run(dict(zip(_COLUMNS, row, strict=False)), *row[len(_COLUMNS) :]) for row in rows]


def _kept_run(row: dict[str, object], started_us: int | None, finished_us: int | None, begin: int, end: int) -> KeptRun:
    values = {**row, "accepted": bool(row["accepted"]), "accepted_latency": bool(row["accepted_latency"])}
    start = started_us if started_us is not None else finished_us or 0
    return KeptRun(
        **values,  # type: ignore[arg-type]
        started_us=start,
        finished_us=finished_us if finished_us is not None else start,
        size_bytes=end - begin,
    )
