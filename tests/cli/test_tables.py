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

from pytest_vizart.cli.narrowing import places, shortened_apart
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


@pytest.mark.parametrize("width", [80, 90])
@pytest.mark.parametrize(
    "names",
    [
        ("time_quantity_array_conversion", "time_quantity_scalar_conversion", "time_quantity_ufunc_conversion"),
        ("a" * 60 + "_one", "a" * 60 + "_two"),
        ("one_" + "a" * 60, "two_" + "a" * 60),
        ("x" * 30 + "1" + "y" * 40 + "2" + "z" * 30, "x" * 30 + "2" + "y" * 40 + "1" + "z" * 30),
        ("画" * 40 + "1", "画" * 40 + "2"),
    ],
)
def test_different_names_stay_different(names: tuple[str, ...], width: int) -> None:
    columns = (*COLUMNS, Column("n", "n", lambda _: "1" * 30, right=True))
    lines = table_lines(columns, [{**row(name, why="w" * 40), "n": 1} for name in names], width)
    assert max(map(places, lines)) <= width
    assert len({line.split()[0] for line in lines[1:]}) == len(names)


@given(st.lists(st.text("ab画", min_size=1, max_size=40), unique=True, min_size=2, max_size=9), st.integers(8, 30))
def test_what_differs_never_looks_alike(names: list[str], room: int) -> None:
    short, _ = shortened_apart(names, room)
    assert len(set(short)) == len(names)
    assert max(map(places, short)) <= room


def test_columns_that_matter_least_go_first_and_what_all_rows_share_is_said_once() -> None:
    columns = (
        Column("test", "test", narrows=True, hoists=True), Column("why", "why", narrows=True),
        Column("b", "ms", lambda _: "1" * 30, drops=1), Column("c", "ms", lambda _: "2" * 30, drops=2),
    )  # fmt: skip
    rows = [row("t" * 30, why=f"{number} and nothing to be cut here") for number in range(2)]
    assert len(table_lines(columns, rows, 200)) == 3
    lines = table_lines(columns, rows, 80)
    assert lines[0] == "test: " + "t" * 30
    assert ("1" * 30 in lines[2], "2" * 30 in lines[2]) == (True, True)
    assert max(map(len, lines)) <= 80
    lines = table_lines((*columns, Column("d", "ms", lambda _: "3" * 20, drops=3)), rows, 80)
    assert "3" * 20 not in lines[2]


def test_a_wide_table_has_a_line_for_each_test_above_its_rows() -> None:
    columns = (Column("test", "test", narrows=True, heads=True), Column("why", "why"), Column("ms", "ms", drops=1))
    rows = [row("a" * 60, why="w" * 30), row("a" * 60, why="v" * 30), row("b" * 60, why="u" * 30)]
    assert len(table_lines(columns, rows, 200)) == 4
    lines = table_lines(columns, rows, 80)
    assert [lines[1], lines[4]] == ["a" * 60, "b" * 60]
    assert lines[5].startswith("  u")
    assert "ms" not in table_lines(columns, [row("a" * 60, None, "w" * 30)], 80)[0]
