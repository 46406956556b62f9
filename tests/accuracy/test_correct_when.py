from __future__ import annotations

import pytest

from pytest_vizart.accuracy.correct_when import parse_rule
from pytest_vizart.errors import UsageError

MEASURES = {"recall": 0.9, "false_positives": 1.0, "iou": 0.62}


@pytest.mark.parametrize(
    "text",
    [
        "recall >= 0.9",
        "recall>=.9 and false_positives<=1",
        "iou < 1e0 and recall == 0.9",
        " iou > -1 ",
        "recall <= +0.9",
    ],
)
def test_a_rule_that_is_kept(text):
    assert parse_rule(text).broken_by(MEASURES) is None


@pytest.mark.parametrize(
    "text, reason",
    [
        ("recall > 0.9", "recall 0.9, not > 0.9"),
        ("recall >= 0.9 and false_positives < 1", "false_positives 1, not < 1"),
        ("iou >= 0.7 and recall >= 0.95", "iou 0.62, not >= 0.7"),
    ],
)
def test_the_first_condition_that_is_broken_is_told(text, reason):
    assert parse_rule(text).broken_by(MEASURES) == reason


@pytest.mark.parametrize(
    "text",
    ["", "recall", "recall >= high", "recall >= 0.9 or iou > 0.5", "0.9 <= recall", "recall => 0.9", "iou > 1 and",
     "__import__('os').system('true') >= 1", "recall >= nan", "recall >= 1_000"],
)  # fmt: skip
def test_what_is_no_rule(text):
    with pytest.raises(UsageError) as caught:
        parse_rule(text, place="labels[0].correct_when")
    assert str(caught.value).startswith("labels[0].correct_when: not a rule; expected comparisons such as")


def test_an_unknown_measure_is_named_with_the_near_one():
    with pytest.raises(UsageError, match=r"unknown measure.*false_positives, iou, recall.*found false_positive, in"
                       r".*did you mean 'false_positives'"):  # fmt: skip
        parse_rule("false_positive <= 1").broken_by(MEASURES)
