"""Sessions as names of files have them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.history.names import session_in_name
from pytest_vizart.history.run_index import names_of

_IDS = st.one_of(st.text("abc-_09", max_size=120), st.text(max_size=8), st.text("a.", max_size=6))


@given(st.lists(_IDS, max_size=6))
def test_many_at_once_are_named_as_one_by_one(session_ids: list[str]) -> None:
    assert names_of(session_ids) == {
        name for each in session_ids for name in (session_in_name(each), each.partition(".")[0])
    }
