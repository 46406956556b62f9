"""Whatever is merged and taken out, in whatever order, and wherever it is interrupted: each row is there once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import HistoryError
from pytest_vizart.history.compaction import compact, remove_runs
from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_tables
from tests.history.builders import START_US
from tests.history.five_sessions import EVERY, five_sessions, names
from tests.history.memory_store import MemoryStore
from tests.history.sessions import expected, keep_session, session_rows, shown


@pytest.fixture
def store() -> MemoryStore:
    return five_sessions()


def test_replaced_files_that_still_lie_there_are_not_read_and_go_the_next_time(store: MemoryStore) -> None:
    before = dict(store.content)
    compact(store, everything=True)
    for name in before:  # as if killed before the first deletion
        store.content[name], store.modified_us[name] = before[name], 1
    assert shown(History(store)) == expected(EVERY)
    assert compact(store).finished
    assert len(names(store)) == 1


def test_files_that_cannot_be_deleted_stay_replaced_for_ever(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(names: Any) -> None:
        raise PermissionError(13, "in use")

    with monkeypatch.context() as held_open:
        held_open.setattr(store, "delete", refuse)
        for number in range(5, 8):
            assert not compact(store, everything=True).finished
            assert shown(History(store)) == expected(EVERY | {f"r{each}" for each in range(5, number)})
            keep_session(store, f"s{number}", [f"r{number}"], second=number)
    assert compact(store, everything=True).finished
    assert len(names(store)) == 1
    assert shown(History(store)) == expected(EVERY | {"r5", "r6", "r7"})


def test_what_is_written_under_a_replaced_name_is_seen(store: MemoryStore) -> None:
    tables = session_rows("back", ["b0"], START_US)
    about = {"session_id": "back", "started_us": START_US, "stem": "20250615T150640-back.abcdef"}
    write_tables(store, tables, **about)
    store.delete([f"metrics/runs/{about['stem']}.parquet"])  # killed before it wrote its runs
    compact(store, everything=True)
    assert f"{about['stem']}.parquet" not in names(store)
    write_tables(store, tables, **about)
    assert shown(History(store)) == expected({*EVERY, "b0"})
    write_tables(store, tables, **about)  # killed again, and done again: the same files
    assert len([name for name in names(store) if "back" in name]) == 1
    compact(store, everything=True)
    assert shown(History(store)) == expected({*EVERY, "b0"})


# Any sequence, interrupted anywhere.


@st.composite
def steps(draw: st.DrawFn) -> Iterator[tuple[str, Any, int | None, bool]]:
    kind = draw(st.sampled_from(["write", "write", "compact", "everything", "remove", "copy"]))
    argument = draw(st.integers(0, 3)) if kind != "remove" else draw(st.lists(st.integers(0, 11), max_size=4))
    failing = draw(st.none() | st.integers(1, 9)) if kind != "copy" else None
    return kind, argument, failing, draw(st.booleans())  # type: ignore[return-value]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps(), max_size=7))
def test_any_sequence_interrupted_anywhere_shows_each_run_once_and_whole(taken: list[Any]) -> None:
    store = MemoryStore()
    there: set[str] = set()
    written = 0
    for second, (kind, argument, failing, after) in enumerate(taken):
        store.fail_at, store.after, store.steps = failing, after, 0
        unsure: set[str] = set()
        try:
            if kind == "write":
                new = [f"r{written + each}" for each in range(argument + 1)]
                written += argument + 1
                unsure = set(new)
                # The time goes back now and then.
                keep_session(store, f"s{second}", new, second=second if argument else -second)
            elif kind == "remove":
                unsure = {f"r{number}" for number in argument} & there
                remove_runs(store, {f"r{number}" for number in argument})
            elif kind == "copy":
                loose = [name for name in store.content if "/c" not in name][: argument * 4]
                for name in loose:
                    store.content[name.replace(".parquet", "x.parquet")] = store.content[name]
                    store.modified_us[name.replace(".parquet", "x.parquet")] = 1
            else:
                compact(store, everything=kind == "everything", min_loose=argument + 2)
        except HistoryError:
            assert failing is not None
        store.fail_at = None
        history = History(store)
        seen = set(history.runs()["run_id"].to_pylist())
        if failing is None:
            there = there - unsure if kind == "remove" else there | unsure
            assert seen == there
        else:  # interrupted: each of the runs in question is there or not
            assert there - unsure <= seen <= there | unsure
            there = seen
        assert shown(history) == expected(there)
        assert history.stages(columns=["stage"]).num_rows == sum(expected(there)["stages"].values())
    remove_runs(store, there)
    assert History(store).spans().num_rows == 0
