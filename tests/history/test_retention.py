from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_vizart.gating.latency import HISTORY_RUNS
from pytest_vizart.history.retention import (
    BASELINE_RUNS,
    KeptRun,
    Thing,
    ages_counted_from,
    choose,
    kept_runs,
    loosened,
    protected_runs,
)
from pytest_vizart.history.rows import session_tables
from pytest_vizart.records.keeping import Keep
from tests.history.builders import START_US, a_run, a_session

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
NOW_US = START_US + 400 * DAY_US


def a_kept_run(run_id: str, days_ago: float, **changes: object) -> KeptRun:
    started_us = int(NOW_US - days_ago * DAY_US)
    values = {"session_id": f"s-{run_id}", "test_id": "test_a", "fingerprint": "f00d", "branch": "main"} | changes
    return KeptRun(run_id, started_us=started_us, finished_us=started_us + 5, **values)  # type: ignore[arg-type]


def accepted(run_id: str, days_ago: float, **changes: object) -> KeptRun:
    return a_kept_run(run_id, days_ago, **({"accepted": True, "accepted_latency": True} | changes))


def things(*days_and_sizes: tuple[float, int]) -> list[Thing]:
    return [Thing(f"{days:g}", int(NOW_US - days * DAY_US), size) for days, size in days_and_sizes]


def test_fr_026_oldest_go_first_by_age_count_and_size() -> None:
    kept = things((1, 10), (5, 10), (40, 10), (50, 10))
    only = {"now_us": NOW_US, "protected": {}}
    assert dict(choose(kept, Keep(age_s=30 * 86_400), **only).going) == {"50": "age", "40": "age"}
    assert dict(choose(kept, Keep(count=3), **only).going) == {"50": "count"}
    assert dict(choose(kept, Keep(size_bytes=25), **only).going) == {"50": "size", "40": "size"}
    assert dict(choose(kept, Keep(age_s=45 * 86_400, size_bytes=15), **only).going) == {
        "50": "age", "40": "size", "5": "size",
    }  # fmt: skip
    assert choose(kept, Keep(), **only).going == {}


def test_fr_026_what_is_protected_stays_and_is_told() -> None:
    kept = things((1, 10), (5, 10), (40, 10), (50, 10))
    choice = choose(kept, Keep(count=2), now_us=NOW_US, protected={"50": "pinned", "1": "baseline"})
    assert list(choice.going) == ["40"]
    assert choice.spared == {"50": "pinned"}


def test_fr_026_a_count_keeps_the_newest_and_what_is_protected_beside_them() -> None:
    kept = things(*((day, 10) for day in range(1, 11)))
    old = {str(day): "baseline" for day in range(6, 10)}
    choice = choose(kept, Keep(count=3), now_us=NOW_US, protected=old)
    assert list(choice.going) == ["10", "5", "4"]
    assert set(choice.spared) == set(old)


def test_fr_026_a_size_counts_what_is_protected_too() -> None:
    kept = things((1, 10), (5, 10), (40, 10), (50, 10))
    choice = choose(kept, Keep(size_bytes=20), now_us=NOW_US, protected={"50": "pinned"})
    assert list(choice.going) == ["40", "5"]


limits = st.builds(
    Keep,
    age_s=st.none() | st.floats(0, 100 * 86_400),
    count=st.none() | st.integers(1, 12),
    size_bytes=st.none() | st.integers(0, 200),
)


@settings(max_examples=100, deadline=None)
@given(
    kept=st.lists(
        st.tuples(st.floats(-5, 120), st.integers(0, 50)), max_size=15, unique_by=lambda each: f"{each[0]:g}"
    ),
    keep=limits,
    protected=st.sets(st.integers(0, 14)),
)
@example(kept=[(1.0, 5), (2.0, 5)], keep=Keep(count=1), protected={0, 1})
def test_fr_026_what_stays_is_within_every_limit_or_protected(
    kept: list[tuple[float, int]], keep: Keep, protected: set[int]
) -> None:
    every = things(*kept)
    safe = {thing.name: "pinned" for number, thing in enumerate(every) if number in protected}
    choice = choose(every, keep, now_us=NOW_US, protected=safe)
    stays = [thing for thing in every if thing.name not in choice.going]
    free = [thing for thing in stays if thing.name not in safe]
    assert not choice.going.keys() & safe.keys()
    if keep.age_s is not None:
        assert all((NOW_US - thing.at_us) / 1e6 <= keep.age_s for thing in free)
    if keep.count is not None:
        newest = sorted(every, key=lambda thing: (thing.at_us, thing.name))[-keep.count :]
        assert all(thing in newest for thing in free)
    if keep.size_bytes is not None:
        assert sum(thing.size_bytes for thing in stays) <= keep.size_bytes or not free
    # Nothing goes that is newer than something free that stays, and nothing without need.
    gone = [thing for thing in every if thing.name in choice.going]
    assert all((old.at_us, old.name) <= (new.at_us, new.name) for old in gone for new in free)
    if gone:
        last = max(gone, key=lambda thing: (thing.at_us, thing.name))
        back = [*stays, last]
        assert (
            (keep.age_s is not None and (NOW_US - last.at_us) / 1e6 > keep.age_s)
            or (keep.count is not None and sum(thing.at_us >= last.at_us for thing in every) > keep.count)
            or (keep.size_bytes is not None and sum(thing.size_bytes for thing in back) > keep.size_bytes)
        )


def test_the_baseline_is_larger_than_what_the_gate_compares_with() -> None:
    assert BASELINE_RUNS > HISTORY_RUNS


def test_fr_026_the_newest_accepted_runs_of_each_test_machine_and_branch_stay() -> None:
    runs = [
        accepted(f"{test}-{machine}-{branch}-{day}", day, test_id=test, fingerprint=machine, branch=branch)
        for test in ("a", "b")
        for machine in ("m1", "m2")
        for branch in ("main", "feature", None)
        for day in range(1, 21)
    ]
    protected = protected_runs(runs, now_us=NOW_US)
    assert set(protected) == {run.run_id for run in runs if int(run.run_id.rpartition("-")[2]) <= BASELINE_RUNS}
    assert set(protected.values()) == {"baseline"}


def test_runs_that_are_no_baseline_do_not_count_among_the_newest() -> None:
    runs = [accepted(f"good-{day}", day) for day in range(20, 60)]
    runs += [a_kept_run(f"failed-{day}", day) for day in range(1, 20)]
    assert set(protected_runs(runs, now_us=NOW_US)) == {f"good-{day}" for day in range(20, 35)}


def test_runs_beside_other_workers_do_not_push_out_the_baseline_of_latency() -> None:
    runs = [accepted(f"alone-{day}", day) for day in range(50, 60)]
    runs += [accepted(f"beside-{day}", day, accepted_latency=False) for day in range(1, 30)]
    runs += [accepted(f"basic-{day}", day, profile="basic") for day in range(30, 50)]
    protected = protected_runs(runs, now_us=NOW_US)
    assert {f"alone-{day}" for day in range(50, 60)} <= set(protected)
    assert {f"basic-{day}" for day in range(30, 45)} <= set(protected)
    assert {f"beside-{day}" for day in range(1, 16)} <= set(protected)
    assert "beside-16" not in protected


def test_branches_that_nobody_runs_any_more_lose_their_protection() -> None:
    runs = [
        accepted("main", 300, branch="main"),
        accepted("live", 20, branch="pr-7"),
        accepted("dead", 40, branch="pr-1"),
    ]
    assert set(protected_runs(runs, now_us=NOW_US)) == {"main", "live"}
    assert set(protected_runs(runs, now_us=NOW_US, base_branches=["pr-1"])) == {"live", "dead"}


def test_the_branch_that_ran_last_stays_however_long_ago() -> None:
    runs = [accepted("old", 900, branch="develop"), accepted("older", 950, branch="pr-1")]
    assert set(protected_runs(runs, now_us=NOW_US)) == {"old"}


def test_pinned_accepted_young_and_busy_runs_stay() -> None:
    runs = [a_kept_run(name, 50) for name in ("pinned", "decided", "busy", "free")]
    runs += [a_kept_run("young", 0.01), a_kept_run("ahead", -0.01)]
    protected = protected_runs(runs, now_us=NOW_US, pinned={"pinned"}, decided={"decided"}, busy_sessions={"s-busy"})
    assert protected == {
        "pinned": "pinned",
        "decided": "accepted by hand",
        "busy": "its session is under way",
        "young": "younger than an hour",
        "ahead": "younger than an hour",
    }


def test_fr_026_a_clock_that_jumped_ahead_wipes_nothing() -> None:
    every_day = [NOW_US - day * DAY_US for day in range(60)]
    in_2099 = NOW_US + 70 * 365 * DAY_US
    # The session of today wrote its runs with the wrong clock already.
    assert ages_counted_from(in_2099, [*every_day, in_2099 - HOUR_US]) == NOW_US
    assert ages_counted_from(NOW_US, every_day) == NOW_US
    # Another day under this clock, and it is believed.
    assert ages_counted_from(in_2099 + DAY_US, [*every_day, in_2099 - HOUR_US]) == in_2099 + DAY_US


def test_fr_026_a_clock_that_jumped_back_wipes_nothing() -> None:
    every_day = [NOW_US - day * DAY_US for day in range(60)]
    in_1970 = 5 * HOUR_US
    assert ages_counted_from(in_1970, every_day) == in_1970
    kept = [Thing(str(at_us), at_us, 1) for at_us in every_day]
    assert choose(kept, Keep(age_s=86_400.0), now_us=in_1970, protected={}).going == {}
    # Nor does a run of the future, written before the clock was set right, make the others old.
    assert ages_counted_from(NOW_US, [*every_day, NOW_US + 900 * DAY_US]) == NOW_US


def test_a_new_history_has_ages_as_well() -> None:
    assert ages_counted_from(NOW_US, []) == NOW_US
    assert ages_counted_from(NOW_US, [NOW_US - 2 * HOUR_US]) == NOW_US


def test_loosened_limits_keep_small_counts_exact() -> None:
    assert loosened(Keep(age_s=100.0, count=3, size_bytes=1_000), 0.05) == Keep(105.0, 3, 1_050)
    assert loosened(Keep(), 0.05) == Keep()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 5)), min_size=1, max_size=20), st.integers(0, 10**9))
def test_shares_of_the_runs_are_all_of_the_history(sizes: list[tuple[int, int]], total: int) -> None:
    runs = [a_run(f"r{number}", samples=samples, passes=passes) for number, (samples, passes) in enumerate(sizes)]
    table: pa.Table = session_tables(a_session(), runs)["runs"]
    shares = [run.size_bytes for run in kept_runs(table, total)]
    assert sum(shares) == total
    assert min(shares) >= 0
    weights = [20 + samples * max(passes, 1) for samples, passes in sizes]
    assert all(abs(share - total * weight / sum(weights)) <= 1 for share, weight in zip(shares, weights, strict=True))


def test_rows_of_old_versions_become_records() -> None:
    table = session_tables(a_session(), [a_run("r1")])["runs"]
    for name in ("finished_at", "accepted_latency", "samples", "passes", "profile", "branch"):
        position = table.schema.get_field_index(name)
        table = table.set_column(position, table.schema.field(name), pa.nulls(1, table.schema.field(name).type))
    (run,) = kept_runs(table, 100)
    assert (run.started_us, run.finished_us, run.accepted_latency, run.size_bytes) == (START_US, START_US, False, 100)
