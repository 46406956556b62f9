"""Tables for people, CSV for programs."""

from __future__ import annotations

import csv
import io
import math

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.cli.tables import Column, table_lines, tell_csv
from tests.cli.histories import HOSTILE

COLUMNS = (Column("test", "test", narrows=True), Column("ms", "ms", right=True), Column("why", "why", narrows=True))


def row(test: str, ms: float | None = 1.5, why: str = "") -> dict[str, object]:
    return {"test": test, "ms": ms, "why": why}


def test_columns_are_aligned() -> None:
    assert table_lines(COLUMNS, [row("a", 10.25), row("longer", None, "x")], None) == [
        "test       ms  why",
        "a       10.25",
        "longer      –  x",
    ]


def test_a_table_fits_the_terminal_and_numbers_stay_whole() -> None:
    lines = table_lines(COLUMNS, [row("t" * 300, 123456.789, "w" * 300)], 80)
    assert max(map(len, lines)) == 80
    assert "123456.789" in lines[1]
    assert lines[1].count("…") == 2


def test_what_cannot_be_narrowed_is_not_lost() -> None:
    wide = [Column(str(number), "ms", lambda _: "1" * 30, right=True) for number in range(5)]
    assert table_lines(wide, [{"ms": 1}], 80)[1].count("1" * 30) == 5


def test_wide_letters_take_two_places() -> None:
    lines = table_lines((Column("name", "test"), Column("ms", "ms")), [row("画像"), row("abcd")], None)
    assert lines[1:] == ["画像  1.5", "abcd  1.5"]


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_moves_anything_on_the_terminal(test: str, why: str) -> None:
    for line in table_lines(COLUMNS, [row(test, 1.5, why)], 80):
        assert all(character.isprintable() for character in line)


def as_csv(names: list[str], rows: list[dict[str, object]]) -> bytes:
    return CliRunner().invoke(click.Command("x", callback=lambda: tell_csv(names, rows)), []).stdout_bytes


def test_csv_is_rfc_4180_and_exact() -> None:
    written = as_csv(
        ["text", "number", "flag", "none"], [{"text": HOSTILE, "number": 0.1 + 0.2, "flag": True, "none": None}]
    )
    assert written.startswith(b"text,number,flag,none\r\n")
    assert written.endswith(b",0.30000000000000004,true,\r\n")
    (_, found) = csv.reader(io.StringIO(written.decode(), newline=""))
    assert found[0] == HOSTILE


@given(st.lists(st.tuples(st.text(), st.floats(allow_nan=False)), max_size=5))
def test_csv_gives_back_what_went_in(rows: list[tuple[str, float]]) -> None:
    written = as_csv(["a", "b"], [{"a": text, "b": number} for text, number in rows])
    found = list(csv.reader(io.StringIO(written.decode(), newline=""), strict=True))[1:]
    assert [text for text, _ in found] == [text for text, _ in rows]
    assert all(
        math.isclose(float(told), number, rel_tol=0, abs_tol=0)
        for (_, told), (_, number) in zip(found, rows, strict=True)
    )


def test_half_a_surrogate_pair_is_written_as_its_escape() -> None:
    assert as_csv(["a"], [{"a": "\udcff"}]) == b"a\r\n\\udcff\r\n"


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@x"])
def test_what_a_spreadsheet_takes_for_a_formula_is_kept_as_it_is(formula: str) -> None:
    assert as_csv(["a"], [{"a": formula}]) == f"a\r\n{formula}\r\n".encode()
