"""Rules that say when a sample is correct: `recall >= 0.9 and false_positives <= 1`.

A rule is one comparison of a measure with a number, or several joined by `and`. Measures are the sample's own figures,
which each task lists in the documentation; nothing of a rule is ever evaluated as code.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pytest_vizart.errors import UsageError

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
_COMPARISON = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(>=|<=|==|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class _Condition:
    measure: str
    sign: str
    bound: float

    def __str__(self) -> str:
        return f"{self.measure} {self.sign} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule. `text` is what the user wrote."""

    text: str
    conditions: tuple[_Condition, ...]

    def broken_by(self, measures: Mapping[str, float]) -> str | None:
        """Say which condition a sample breaks, as "recall 0.5, not >= 0.9"; None if it keeps them all.

        Raises:
            UsageError: the rule names a measure that this task does not have.
        """
        for condition in self.conditions:
            value = measures.get(condition.measure)
            if value is None:
                raise _unknown_measure(self.text, condition.measure, measures)
            if not _OPERATORS[condition.sign](value, condition.bound):
                return f"{condition.measure} {value:.4g}, not {condition.sign} {condition.bound:g}"
        return None


def parse_rule(text: str, *, place: str = "correct_when") -> Rule:
    """Return the rule that a text writes.

    Raises:
        UsageError: it is no comparison, or several joined by `and`.
    """
    conditions = []
    for part in re.split(r"\band\b", text):
        match = _COMPARISON.fullmatch(part)
        if match is None:
            raise UsageError(
                "not a rule",
                place=place,
                expected='comparisons such as "recall >= 0.9 and false_positives <= 1"',
                found=text,
                hint="a measure, one of >= <= > < ==, and a number; join several by `and`",
            )
        conditions.append(_Condition(match[1], match[2], float(match[3])))
    return Rule(text, tuple(conditions))


def _unknown_measure(text: str, name: str, measures: Iterable[str]) -> UsageError:
    known = sorted(measures)
    close = get_close_matches(name, known, n=1)
    return UsageError(
        "unknown measure in a rule",
        place="correct_when",
        expected=f"one of {', '.join(known) or 'none: this task has no measures'}",
        found=f"{name}, in {text!r}",
        hint=f"did you mean {close[0]!r}?" if close else "choose one of these",
    )
