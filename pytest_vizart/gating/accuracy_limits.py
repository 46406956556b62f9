"""What `vizart_accuracy` declares, checked: one limit for each metric, for all samples, a class or a tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from pytest_vizart.accuracy.correct_when import parse_rule
from pytest_vizart.accuracy.custom import registered_metrics
from pytest_vizart.accuracy.metric_names import CLASS_METRICS, METRICS
from pytest_vizart.errors import UsageError
from pytest_vizart.gating.arguments import (
    STAGE,
    Argument,
    Value,
    checked,
    fraction,
    in_range,
    number_of,
    stage_of,
    text,
    unknown_argument,
    whole_number,
)
from pytest_vizart.records.score import MetricInfo

_LARGEST = 1e12
_any_number = in_range(-_LARGEST, _LARGEST, above_low=False)
_not_negative = in_range(0.0, _LARGEST, above_low=False)


def _metric_argument(name: str, info: MetricInfo) -> Argument:
    side = "at least" if info.direction == "higher" else "at most"
    if info.unit:
        return Argument(name, f"a number ({info.unit})", f"{name}, {side}", _any_number)
    if info.direction == "lower":
        return Argument(name, "a number from 0", f"{name}, {side}", _not_negative)
    return Argument(name, "a number from 0 to 1", f"{name}, {side}", fraction, "80 % is 0.8")


def _mapping(value: object) -> Value | None:
    return value if isinstance(value, Mapping) and value else None


ACCURACY_ARGUMENTS: tuple[Argument, ...] = (
    STAGE,
    *(_metric_argument(name, info) for name, info in METRICS.items()),
    Argument(
        "max_drop",
        "a number from 0",
        "how much worse than its baseline a metric may be (0.001, or a thousandth of values above 1)",
        _not_negative,
    ),
    Argument("max_newly_wrong", "a whole number, 0 or more", "samples that may become wrong", whole_number),
    Argument("max_newly_missed", "a whole number, 0 or more", "objects that may become missed", whole_number),
    Argument("max_new_false_positives", "a whole number, 0 or more", "false positives that may be new", whole_number),
    Argument("per_class", "a mapping from class to metric to number", "limits of a class; * is every class", _mapping),
    Argument("per_tag", "a mapping from tag to metric to number", "limits of the samples with a tag", _mapping),
    Argument(
        "correct_when",
        'a rule such as "recall >= 0.9 and false_positives <= 1"',
        "when a sample is correct, over its measures",
        text,
    ),
)


@dataclass(frozen=True, slots=True)
class AccuracyLimit:
    """Limits of metrics, of drops against the baseline, and of samples and objects that may change.

    bounds: metric -> the lowest value or, where lower is better, the highest. per_class, per_tag: name -> bounds.
    """

    stage: str | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)
    max_drop: float | None = None
    max_newly_wrong: int | None = None
    max_newly_missed: int | None = None
    max_new_false_positives: int | None = None
    per_class: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    per_tag: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    correct_when: str | None = None

    @classmethod
    def from_marker(cls, args: Sequence[object], kwargs: Mapping[str, object]) -> Self:
        """Raises UsageError: an unknown, mistyped or positional argument, none but the stage, or no rule."""
        own = {name: metric.info for name, metric in registered_metrics().items()}
        table = (*ACCURACY_ARGUMENTS, *(_metric_argument(name, info) for name, info in own.items()))
        values = checked("vizart_accuracy", table, args, kwargs)
        rule = values.get("correct_when")
        if rule is not None:
            parse_rule(rule, place="marker vizart_accuracy, argument correct_when")
        return cls(
            stage=stage_of(values),
            bounds={name: float(value) for name, value in values.items() if name in METRICS or name in own},
            max_drop=number_of(values, "max_drop"),
            max_newly_wrong=values.get("max_newly_wrong"),
            max_newly_missed=values.get("max_newly_missed"),
            max_new_false_positives=values.get("max_new_false_positives"),
            per_class=_subsets("per_class", values.get("per_class"), {**METRICS, **CLASS_METRICS}),
            per_tag=_subsets("per_tag", values.get("per_tag"), {**METRICS, **own}),
            correct_when=rule,
        )


def _subsets(
    argument: str, given: Mapping[object, object] | None, known: Mapping[str, MetricInfo]
) -> dict[str, dict[str, float]]:
    return {
        str(name): _bounds(f"marker vizart_accuracy, argument {argument}[{name!r}]", bounds, known)
        for name, bounds in (given or {}).items()
    }


def _bounds(place: str, given: object, known: Mapping[str, MetricInfo]) -> dict[str, float]:
    if not isinstance(given, Mapping) or not given:
        raise UsageError(
            "not a value it takes",
            place=place,
            expected="a mapping from metric to number",
            found=given,
            hint='write per_class={"coin": {"ap_50": 0.8}}',
        )
    bounds: dict[str, float] = {}
    for metric, limit in given.items():
        if metric not in known:
            raise unknown_argument(place, str(metric), tuple(known))
        argument = _metric_argument(metric, known[metric])
        value = argument.check(limit)
        if value is None:
            raise UsageError(
                "not a value it takes", place=f"{place}[{metric!r}]", expected=argument.expected, found=limit,
                hint=argument.hint,
            )  # fmt: skip
        bounds[metric] = float(value)
    return bounds
