"""Text: edit distances against the plain table, rates, spans."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.accuracy.metrics import edit_distance
from pytest_vizart.accuracy.metrics.edit_distance import aligned, distance
from pytest_vizart.accuracy.metrics.text import TextMetric, compare_texts
from pytest_vizart.accuracy.predicted import TextPrediction
from pytest_vizart.records.labels import NO_CLASSES, LabelSpec, TextLabel

SPEC = LabelSpec("stage", "text", NO_CLASSES)
WORDS = st.text(alphabet="abé ", max_size=24)


def table_distance(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        previous, row = row, [i]
        for j, b in enumerate(second, start=1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (a != b)))
    return row[-1]


@settings(deadline=None, max_examples=300)
@given(first=WORDS, second=WORDS, block=st.integers(1, 30))
def test_distances_are_those_of_the_table(first: str, second: str, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edit_distance, "BLOCK", block)
        assert distance(first, second) == (table_distance(first, second), True)
        assert distance(first.split(), second.split())[1] is True


@settings(deadline=None, max_examples=200)
@given(first=WORDS, second=WORDS)
def test_alignments_are_shortest_and_give_both_texts_back(first: str, second: str) -> None:
    steps = aligned(first, second)
    assert "".join(own for _, own, _ in steps) == first
    assert "".join(said for _, _, said in steps) == second
    edits = sum(max(len(own), len(said)) for operation, own, said in steps if operation != "equal")
    assert edits == table_distance(first, second)
    assert all(own == said for operation, own, said in steps if operation == "equal")


def test_long_texts_are_exact_across_blocks() -> None:
    generator = np.random.default_rng(0)
    text = "".join(generator.choice(list("abcdefgh "), 30_000))
    changed = list(text)
    places = np.arange(100, 29_000, 500)
    for place in places:
        changed[place] = "X"
    changed.insert(15_000, "Y")
    del changed[29_500]
    assert distance(text, "".join(changed)) == (len(places) + 2, True)


def test_what_is_too_long_gets_an_upper_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit_distance, "MOST_CELLS", 100)
    first, second = "x" + "ab" * 30, "y" + "ab" * 29 + "c"
    bound, exact = distance(first, second)
    assert not exact
    assert table_distance(first, second) <= bound <= max(len(first), len(second))
    reason = compare_texts(first, second, {}).reason
    assert reason is not None
    assert reason.startswith("at most ")


@pytest.mark.parametrize(
    "expected, found, cer, wer",
    [
        ("the cat", "the cat", 0.0, 0.0),
        ("the cat", "the bat", 1 / 7, 0.5),
        ("the cat", "", 1.0, 1.0),
        ("", "", 0.0, 0.0),
        ("", "abc", 1.0, 1.0),
        ("ab", "abcdef", 2.0, 1.0),
        ("a b", "a  b", 1 / 3, 0.0),
    ],
)
def test_rates(expected: str, found: str, cer: float, wer: float) -> None:
    measures = compare_texts(expected, found, {}).measures
    assert (measures["cer"], measures["wer"]) == (cer, wer)


def test_texts_must_be_equal_or_within_tolerances() -> None:
    wrong = compare_texts("kitten", "sitting", {})
    assert (wrong.status, wrong.error_type, wrong.score) == ("wrong", "difference", 0.5)
    assert (
        wrong.reason == "3 edits over 6 characters; first difference at character 0: expected 'kitten', found 'sitting'"
    )
    assert (wrong.errors[0].kind, wrong.errors[0].severity) == ("difference", 0.5)
    assert compare_texts("kitten", "sitting", {"cer": 0.5}).status == "correct"
    assert compare_texts("kitten", "sitting", {"cer": 0.5, "wer": 0.5}).status == "wrong"
    reason = compare_texts("kitten", "sitting", {"cer": 0.4}).reason
    assert reason is not None
    assert "(CER 0.500, above 0.4)" in reason


def test_accents_are_not_normalised_and_that_is_told() -> None:
    found = compare_texts("caf\u00e9", "cafe\u0301", {})
    assert found.status == "wrong"
    assert found.reason is not None
    assert found.reason.endswith("equal after Unicode normalisation (NFC)")


def test_edits_are_summed_before_the_rate() -> None:
    metric = TextMetric()
    pairs = [("abcd", "abcd"), ("ab", "ax"), ("abcd", None)]
    tallies = [
        metric.tally(TextLabel(truth), None if said is None else TextPrediction(said), SPEC) for truth, said in pairs
    ]
    summary = metric.summarise(tallies, SPEC)
    assert summary.metrics == {"exact_match": 1 / 3, "cer": 0.5, "wer": 2 / 3}
    assert summary.notes == ("1 sample without a prediction counts as empty text",)
    running = metric.running(SPEC)
    for tally in tallies:
        running.add(tally, metric.judge(tally, SPEC))
    assert running.values() == summary.metrics
    assert metric.judge(tallies[2], SPEC).error_type == "no-prediction"
    assert metric.judge(metric.tally(TextLabel(""), None, SPEC), SPEC).status == "wrong"
    assert set(metric.summarise([], SPEC).metrics.values()) == {None}


def test_pictures_hold_spans_of_both_sides() -> None:
    left, right = TextMetric().picture(TextLabel("the cat"), TextPrediction("then bat"), SPEC)
    assert left == {
        "text": "the cat",
        "spans": [["equal", "the"], ["equal", " "], ["replace", "c"], ["equal", "at"]],
        "offset": 0,
    }
    assert right["spans"] == [["equal", "the"], ["insert", "n"], ["equal", " "], ["replace", "b"], ["equal", "at"]]
    left, right = TextMetric().picture(TextLabel("a-b"), TextPrediction("ab"), SPEC)
    assert left["spans"] == right["spans"] == [["equal", "a"], ["delete", "-"], ["equal", "b"]]


def test_pictures_of_long_texts_show_where_they_differ() -> None:
    long = "a" * 8000 + "b" + "c" * 8000
    left, right = TextMetric().picture(TextLabel(long), TextPrediction(long.replace("b", "")), SPEC)
    assert (left["offset"], len(left["text"])) == (7800, 401)
    assert [(operation, len(text)) for operation, text in left["spans"]] == [
        ("equal", 200),
        ("delete", 1),
        ("equal", 200),
    ]
    left, right = TextMetric().picture(TextLabel("a" * 9000), TextPrediction("b" * 7000), SPEC)
    assert (len(left["text"]), len(right["text"]), left["offset"]) == (5000, 5000, 0)


def test_halves_of_surrogate_pairs_are_compared_and_never_shown() -> None:
    found = compare_texts("a\ud800", "a\udfff", {})
    assert found.reason is not None
    found.reason.encode()
    left, right = TextMetric().picture(TextLabel("a\ud800"), TextPrediction("b\udfff"), SPEC)
    str((left, right)).encode()
    assert TextMetric().digest(TextPrediction("\ud800")) != TextMetric().digest(TextPrediction("\ud801"))
