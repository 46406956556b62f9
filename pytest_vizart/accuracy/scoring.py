"""The accuracy of one stage, sample by sample as they pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.correct_when import Rule, parse_rule
from pytest_vizart.accuracy.custom import CustomMetric, custom_metrics
from pytest_vizart.accuracy.error_tally import ErrorTally
from pytest_vizart.accuracy.metric_names import CLASS_METRICS
from pytest_vizart.accuracy.metrics import Comparison, LocatingMetric, task_metric
from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import UsageError
from pytest_vizart.records.labels import Label, LabelSpec
from pytest_vizart.records.outcome import (
    MAX_ERRORS,
    OUTCOME_STATUSES,
    Case,
    ErrorItem,
    Outcome,
    OutcomeStatus,
)
from pytest_vizart.records.score import Counts, MetricInfo, Score

DEFAULT_KEPT_CASES = 5000


@dataclass(frozen=True, slots=True)
class _Scored:
    """One sample that was compared, reduced; `custom` are its figures of the user's own metrics."""

    tally: Any
    tags: tuple[str, ...]
    custom: Mapping[str, float]


class StageScorer:
    """Fed with every sample of a run once; knows the counts at any time, and the metrics at the end.

    Args:
        spec: the labels of the stage.
        keep_cases: cases kept for the report; further wrong samples are counted and have their outcome.
        custom: the user's own metrics; those that are registered if absent.

    Raises:
        UsageError: `spec.correct_when` is no rule.
    """

    def __init__(
        self,
        spec: LabelSpec,
        *,
        keep_cases: int = DEFAULT_KEPT_CASES,
        custom: Sequence[CustomMetric] | None = None,
    ) -> None:
        self.spec = spec
        self.metric = task_metric(spec.task)
        self._custom: tuple[CustomMetric, ...] = custom_metrics(spec) if custom is None else tuple(custom)
        self._rule: Rule | None = None if spec.correct_when is None else parse_rule(spec.correct_when)
        self._running = self.metric.running(spec)
        self._keep_cases = keep_cases
        self._outcomes: dict[str, Outcome] = {}
        self._counts: dict[OutcomeStatus, int] = dict.fromkeys(OUTCOME_STATUSES, 0)
        self._scored: list[_Scored] = []
        self._errors = ErrorTally()
        self._cases: list[Case] = []

    @property
    def counts(self) -> Counts:
        """Samples so far, by what became of them."""
        return Counts(**self._counts)

    @property
    def running(self) -> dict[str, float | None]:
        """Metrics so far that need not all samples at once; a sample costs the same, however many passed."""
        return self._running.values()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """One for each sample added, in that order."""
        return tuple(self._outcomes.values())

    @property
    def cases(self) -> tuple[Case, ...]:
        """One for each wrong sample, in the order added, `keep_cases` at most."""
        return tuple(self._cases)

    def add(
        self,
        sample_id: str,
        truth: Label,
        prediction: Prediction,
        *,
        input_path: str | None = None,
        tags: tuple[str, ...] = (),
        label_digest: str | None = None,
        input_digest: str | None = None,
        xyz: Callable[[], NDArray[np.floating[Any]]] | None = None,
        own: Mapping[str, float] | None = None,
    ) -> Outcome:
        """Compare a prediction with its ground truth.

        Args:
            xyz: returns the (N, 3) coordinates in metres of the cloud; called for a wrong sample only.
            own: figures of the user's own metrics, where another process measured them already.

        Raises:
            PredictionError: the shapes differ; nothing is counted then.
            UsageError: the sample was added before, or `correct_when` names a measure that the task does not have.
        """
        self._require_new(sample_id)
        comparison = self._compared(truth, prediction, tags, own)
        # Only a wrong sample's cloud is loaded again: its worst places are looked for, and its picture drawn.
        cloud = xyz() if xyz is not None and comparison.status == "wrong" else None
        if cloud is not None and isinstance(self.metric, LocatingMetric):
            comparison = _with_errors(comparison, self.metric.regions(truth, prediction, self.spec, cloud))
        self._errors.add(comparison)
        worst = comparison.errors[0] if comparison.errors else None
        outcome = self._record(
            sample_id,
            comparison.status,
            error_type=comparison.error_type or (worst.kind if worst and comparison.status == "wrong" else None),
            score=comparison.score,
            reason=comparison.reason,
            input_path=input_path,
            tags=tags,
            label_digest=label_digest,
            input_digest=input_digest,
            severity=worst.severity if worst else None,
            measures=comparison.measures,
            errors=comparison.errors[:MAX_ERRORS],
            missed=comparison.missed[:MAX_ERRORS],
            false_positives=comparison.false_positives[:MAX_ERRORS],
        )
        if comparison.status == "wrong" and len(self._cases) < self._keep_cases:
            drawn = self.metric.picture(truth, prediction, self.spec, xyz=cloud)
            self._cases.append(self._case(outcome, input_path, *drawn))
        return outcome

    @property
    def custom(self) -> tuple[CustomMetric, ...]:
        """The user's own metrics that are measured."""
        return self._custom

    def _compared(
        self, truth: Label, prediction: Prediction, tags: tuple[str, ...], own: Mapping[str, float] | None
    ) -> Comparison:
        """Compare, and take the sample into the metrics."""
        tally = self.metric.tally(truth, prediction, self.spec)
        custom = self._measured(truth, prediction) if own is None else dict(own)
        comparison = self._judged(self.metric.judge(tally, self.spec), custom)
        self._scored.append(_Scored(tally, tags, custom))
        self._running.add(tally, comparison)
        return comparison

    def _measured(self, truth: Label, prediction: Prediction) -> dict[str, float]:
        return {
            metric.name: value
            for metric in self._custom
            if (value := metric.measure_sample(truth, prediction)) is not None
        }

    def _case(self, outcome: Outcome, input_path: str | None, truth: dict[str, Any], predicted: dict[str, Any]) -> Case:
        return Case(
            outcome.sample_id,
            self.spec.stage,
            self.spec.task,
            outcome.error_type,
            outcome.reason,
            input_path,
            truth,
            predicted,
        )

    def add_invalid(
        self,
        sample_id: str,
        reason: str,
        error_type: str,
        *,
        truth: Label | None = None,
        input_path: str | None = None,
        tags: tuple[str, ...] = (),
        label_digest: str | None = None,
        input_digest: str | None = None,
    ) -> Outcome:
        """Record a sample that could not be compared.

        Args:
            error_type: "unreadable", "raised", "no-prediction".
            truth: the label where it can be read. The metrics then count the sample as "nothing predicted": a stage
                that raises on its hard samples does not become more accurate by it.

        Raises:
            UsageError: the sample was added before.
        """
        self._require_new(sample_id)
        if truth is not None:
            tally = self.metric.tally(truth, None, self.spec)
            self._scored.append(_Scored(tally, tags, {}))
            self._running.add(tally, self.metric.judge(tally, self.spec))
        return self._record(
            sample_id,
            "invalid",
            error_type=error_type,
            reason=reason,
            input_path=input_path,
            tags=tags,
            label_digest=label_digest,
            input_digest=input_digest,
        )

    def add_unlabeled(
        self,
        sample_id: str,
        *,
        input_path: str | None = None,
        tags: tuple[str, ...] = (),
        input_digest: str | None = None,
    ) -> Outcome:
        """Record a sample without a label. Raises UsageError if it was added before."""
        self._require_new(sample_id)
        return self._record(sample_id, "unlabeled", input_path=input_path, tags=tags, input_digest=input_digest)

    def score(self) -> Score:
        """Return metrics, counts and notes; `newly_wrong` and `newly_fixed` are left to whoever has a baseline."""
        summary = self.metric.summarise([one.tally for one in self._scored], self.spec)
        tags = dict.fromkeys(tag for one in self._scored for tag in one.tags)
        return Score(
            stage=self.spec.stage,
            task=self.spec.task,
            headline=self.metric.headline,
            metrics=summary.metrics | self._own_metrics(self._scored),
            counts=self.counts,
            notes=summary.notes + self._own_notes(),
            per_class=summary.per_class,
            per_tag={tag: self._metrics_of(tag) for tag in tags},
            errors=self._errors.counts(summary.costs),
            details=summary.details,
            info=self._info(summary.per_class),
            recorded=self.spec.recorded,
        )

    def _judged(self, comparison: Comparison, custom: Mapping[str, float]) -> Comparison:
        """The task's own verdict on a sample, or that of the rule that replaces it."""
        measures = {**comparison.measures, **custom}
        if self._rule is None or comparison.status == "unlabeled":
            return replace(comparison, measures=measures)
        broken = self._rule.broken_by(measures)
        if broken is None:
            return replace(comparison, status="correct", error_type=None, reason=None, measures=measures)
        reason = f"{broken}; {comparison.reason}" if comparison.reason else broken
        return replace(comparison, status="wrong", reason=reason, measures=measures,
                       error_type=comparison.error_type or (None if comparison.errors else "rule"))  # fmt: skip

    def _metrics_of(self, tag: str) -> dict[str, float | None]:
        scored = [one for one in self._scored if tag in one.tags]
        summary = self.metric.summarise([one.tally for one in scored], self.spec, full=False)
        return summary.metrics | self._own_metrics(scored)

    def _own_metrics(self, scored: Sequence[_Scored]) -> dict[str, float | None]:
        return {metric.name: self._own_total(metric, scored)[0] for metric in self._custom}

    def _own_total(self, metric: CustomMetric, scored: Sequence[_Scored]) -> tuple[float | None, str | None]:
        return metric.total([one.custom[metric.name] for one in scored if metric.name in one.custom])

    def _own_notes(self) -> tuple[str, ...]:
        totals = (self._own_total(metric, self._scored) for metric in self._custom)
        return tuple(problem for _, problem in totals if problem is not None)

    def _info(self, per_class: Mapping[str, Mapping[str, float | None]]) -> dict[str, MetricInfo]:
        of_classes = {name for metrics in per_class.values() for name in metrics}
        return {
            **{name: info for name, info in CLASS_METRICS.items() if name in of_classes and info != MetricInfo()},
            **self.metric.info,
            **{metric.name: metric.info for metric in self._custom},
        }

    def _require_new(self, sample_id: str) -> None:
        if sample_id in self._outcomes:
            raise UsageError(
                "two predictions for one sample",
                place=f"stage {self.spec.stage}",
                expected="one for each sample and stage",
                found=sample_id,
                hint="call predict() once for each sample, or name the stage that each one is for",
            )

    def _record(self, sample_id: str, status: OutcomeStatus, **rest: Any) -> Outcome:
        outcome = Outcome(sample_id, self.spec.stage, self.spec.task, status, **rest)
        self._outcomes[sample_id] = outcome
        self._counts[status] += 1
        return outcome


def _with_errors(comparison: Comparison, more: tuple[ErrorItem, ...]) -> Comparison:
    errors = sorted((*comparison.errors, *more), key=lambda error: -error.severity)
    return replace(comparison, errors=tuple(errors))
