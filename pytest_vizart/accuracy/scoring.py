"""The accuracy of one stage, sample by sample as they pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.metrics import task_metric
from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import UsageError
from pytest_vizart.records.labels import Label, LabelSpec
from pytest_vizart.records.outcome import OUTCOME_STATUSES, Case, Outcome, OutcomeStatus
from pytest_vizart.records.score import Counts, Score

DEFAULT_KEPT_CASES = 5000


class StageScorer:
    """Fed with every sample of a run once; knows the counts at any time, and the metrics at the end.

    Args:
        spec: the labels of the stage.
        keep_cases: cases kept for the report; further wrong samples are counted and have their outcome.
    """

    def __init__(self, spec: LabelSpec, *, keep_cases: int = DEFAULT_KEPT_CASES) -> None:
        self.spec = spec
        self.metric = task_metric(spec.task)
        self._keep_cases = keep_cases
        self._outcomes: dict[str, Outcome] = {}
        self._counts: dict[OutcomeStatus, int] = dict.fromkeys(OUTCOME_STATUSES, 0)
        self._tallies: list[Any] = []
        self._cases: list[Case] = []

    @property
    def counts(self) -> Counts:
        """Samples so far, by what became of them."""
        return Counts(**self._counts)

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
    ) -> Outcome:
        """Compare a prediction with its ground truth.

        Args:
            xyz: returns the (N, 3) coordinates in metres of the cloud; called for the picture of a wrong sample only.

        Raises:
            PredictionError: the shapes differ; nothing is counted then.
            UsageError: the sample was added before.
        """
        self._require_new(sample_id)
        tally = self.metric.tally(truth, prediction, self.spec)
        comparison = self.metric.judge(tally, self.spec)
        self._tallies.append(tally)
        outcome = self._record(
            sample_id,
            comparison.status,
            error_type=comparison.error_type,
            score=comparison.score,
            reason=comparison.reason,
            input_path=input_path,
            tags=tags,
            label_digest=label_digest,
            input_digest=input_digest,
        )
        if comparison.status == "wrong" and len(self._cases) < self._keep_cases:
            drawn, predicted = self.metric.picture(truth, prediction, self.spec, xyz=None if xyz is None else xyz())
            self._cases.append(
                Case(
                    sample_id,
                    self.spec.stage,
                    self.spec.task,
                    outcome.error_type,
                    outcome.reason,
                    input_path,
                    drawn,
                    predicted,
                )
            )
        return outcome

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
            self._tallies.append(self.metric.tally(truth, None, self.spec))
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
        return Score(
            stage=self.spec.stage,
            task=self.spec.task,
            headline=self.metric.headline,
            metrics=self.metric.summarise(self._tallies, self.spec),
            counts=self.counts,
            notes=self.metric.notes(self._tallies, self.spec),
        )

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
