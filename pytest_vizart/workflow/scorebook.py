"""The scorebook of a run: predictions meet their ground truth here, as they come."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pytest_vizart.accuracy.custom import CustomMetric
from pytest_vizart.accuracy.metrics import task_metric
from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.accuracy.scoring import StageScorer
from pytest_vizart.errors import GoldenError, PredictionError, UsageError
from pytest_vizart.golden.dataset import GoldenDataset, GoldenSample
from pytest_vizart.records.labels import InstanceLabels, Label, LabelSpec, Task
from pytest_vizart.records.outcome import Case, Outcome
from pytest_vizart.records.score import Counts, Score
from pytest_vizart.workflow.recorded import NOT_RECORDED, RecordedOutputs

_DRAWN_OVER_A_CLOUD = ("points", "boxes_3d")


class Scorebook:
    """Scores of the labelled stages of one dataset.

    The first pass is scored; later passes are held against it: a pipeline whose predictions differ between passes is
    not deterministic.
    """

    def __init__(
        self,
        dataset: GoldenDataset,
        rules: Mapping[str | None, str] | None = None,
        recorded: RecordedOutputs | None = None,
        custom: Sequence[CustomMetric] | None = None,
    ) -> None:
        """
        Args:
            rules: stage, or None for every stage, -> `correct_when`; they go before the manifest's.
            custom: the user's own metrics, measured by another process; those that are registered if absent.

        Raises:
            UsageError: a rule names no stage where several have labels, or is none.
        """
        self.dataset = dataset
        self.recorded = recorded or RecordedOutputs(dataset)
        _require_clear(rules or {}, dataset)
        self._custom = custom
        self._scorers = {spec.stage: StageScorer(_ruled(spec, rules or {}), custom=custom) for spec in dataset.specs}
        self._digests: dict[tuple[str, str], str] = {}
        self._unstable: dict[str, set[str]] = {}
        self._seen: dict[tuple[str, str, int], None] = {}
        self._predicted: set[str] = set()

    def resolve(self, stage: str | None, last_stage: str | None, open_stage: str | None = None) -> LabelSpec:
        """Return the spec of the stage that a prediction is for.

        Raises:
            PredictionError: the stage has no labels in this dataset, or no stage is known.
        """
        name = stage or last_stage
        if name in self._scorers:
            return self._scorers[name].spec
        __tracebackhide__ = True
        if name is not None:
            problem = f"stage {name!r} has no labels in dataset {self.dataset.name!r}"
            close = difflib.get_close_matches(name, self._scorers, n=1)
            meant = f"did you mean {close[0]!r}? " if close else ""
            hint = f"{meant}give the stage the name of a labelled one, or predict(value, stage=...)"
        elif open_stage is not None:
            problem, hint = (
                f"stage {open_stage!r} is still open",
                "call predict() after the `with` block of the stage, or name it: predict(value, stage=...)",
            )
        else:
            problem = "no stage has ended on this sample yet"
            hint = "put the labelled step into `with vizart_run.stage(...)`, or name it: predict(value, stage=...)"
        raise PredictionError(
            problem,
            place="predict()",
            expected=f"a stage with labels: {', '.join(self._scorers) or 'none'}",
            found="no stage" if name is None else name,
            hint=hint,
        )

    def read(self, value: Any, sample: GoldenSample, spec: LabelSpec, *, box_format: Any, labels: Any) -> Prediction:
        """Return a model's output as plain arrays. Raises PredictionError, UsageError: see `read_prediction`."""
        size = _mask_size(sample, spec)
        return read_prediction(value, spec, box_format=box_format, labels=labels, image_size=size)

    def add(
        self,
        sample: GoldenSample,
        prediction: Prediction,
        spec: LabelSpec,
        pass_index: int,
        own: Mapping[str, float] | None = None,
    ) -> Outcome | None:
        """Score one prediction of the first pass, or compare it with the first pass's.

        Raises:
            PredictionError: the prediction does not fit its label (another shape).
            UsageError: a second one came in the same pass.
        """
        key = (sample.id, spec.stage)
        if (*key, pass_index) in self._seen:
            raise UsageError(
                "a second prediction for the same sample and stage",
                place=f"sample {sample.id!r}, stage {spec.stage!r}",
                hint="call predict() once for each sample and labelled stage",
            )
        digest = task_metric(spec.task).digest(prediction)
        if pass_index:
            if self._digests.get(key, digest) != digest:
                self._unstable.setdefault(spec.stage, set()).add(sample.id)
            self._seen[(*key, pass_index)] = None
            return None
        self._predicted.add(spec.stage)
        outcome = self._score(sample, prediction, spec, own)
        self._seen[(*key, pass_index)] = None
        self._digests[key] = digest
        return outcome

    def _score(
        self, sample: GoldenSample, prediction: Prediction, spec: LabelSpec, own: Mapping[str, float] | None
    ) -> Outcome:
        scorer = self._scorers[spec.stage]
        about = _about(sample)
        try:
            truth = self._truth(sample, prediction, spec)
        except GoldenError as error:
            return scorer.add_invalid(sample.id, str(error), "unreadable-label", **about)
        if truth is None and spec.recorded:
            reason = "no output is recorded"
            return scorer.add_invalid(sample.id, reason, NOT_RECORDED, **about)
        if truth is None:
            return scorer.add_unlabeled(sample.id, **about)
        xyz = sample.load if spec.task in _DRAWN_OVER_A_CLOUD else None
        digest = None if spec.recorded else sample.label_digest(spec.stage)
        return scorer.add(sample.id, truth, prediction, label_digest=digest, xyz=xyz, own=own, **about)

    def _truth(self, sample: GoldenSample, prediction: Prediction, spec: LabelSpec) -> Label | None:
        return self.recorded.truth(sample.id, prediction, spec) if spec.recorded else sample.label(spec.stage)

    def recorded_spec(self, name: str | None, task: Task, tolerances: Mapping[str, float]) -> LabelSpec:
        """Return the spec of an output held to its recorded one. Raises UsageError, see RecordedOutputs.spec."""
        spec = self.recorded.spec(name, task, tolerances)
        if spec.stage not in self._scorers:  # asked for at every sample
            self._scorers[spec.stage] = StageScorer(spec, custom=self._custom)
        return spec

    def add_failed(self, sample: GoldenSample, stage: str | None, error: str) -> None:
        """Record that the pipeline raised `error` on a sample: its labelled stages without a prediction are invalid."""
        where = f"stage {stage} raised" if stage else "the test raised"
        for name in self._pending(sample):
            self._invalid(sample, name, f"{where} {error}", "raised")

    def lacks_prediction(self, sample: GoldenSample) -> bool:
        """Whether a stage of which others had predictions has none on a sample whose turn is over."""
        return any(name in self._predicted for name in self._pending(sample))

    def close(self, samples: Sequence[GoldenSample]) -> tuple[str, ...]:
        """Mark samples that ran without a prediction, where others had one; return notes on what was not compared."""
        notes = []
        for name, scorer in self._scorers.items():
            if not scorer.outcomes or (self._predicted and name not in self._predicted):
                what = "is recorded" if scorer.spec.recorded else "has labels"
                notes.append(f"stage {name} {what} in dataset {self.dataset.name}, but nothing was predicted for it")
                continue
            for sample in samples:
                if name in self._pending(sample):
                    self._invalid(sample, name, "no prediction came for this sample", "no-prediction")
        for stage, names in self._unstable.items():
            notes.append(
                f"stage {stage} is not deterministic: predictions differ between passes on {len(names)} samples, "
                f"such as {min(names)}"
            )
        return (*notes, *self.recorded.notes())

    def running(self) -> dict[str, tuple[Counts, dict[str, float | None]]]:
        """Return stage -> counts and metrics so far; what a sample adds costs the same however many passed."""
        return {name: (scorer.counts, scorer.running) for name, scorer in self._scorers.items() if scorer.outcomes}

    def custom(self) -> dict[str, tuple[CustomMetric, ...]]:
        """Return stage -> the user's own metrics that are measured of it."""
        return {name: scorer.custom for name, scorer in self._scorers.items() if scorer.custom}

    def scores(self) -> tuple[Score, ...]:
        return tuple(scorer.score() for scorer in self._told() if scorer.outcomes)

    def outcomes(self) -> tuple[Outcome, ...]:
        return tuple(outcome for scorer in self._told() for outcome in scorer.outcomes)

    def cases(self) -> tuple[Case, ...]:
        return tuple(case for scorer in self._told() for case in scorer.cases)

    def _told(self) -> list[StageScorer]:
        """Stages that the test predicts; those of the dataset that it does not are no failure of its samples."""
        return [scorer for name, scorer in self._scorers.items() if not self._predicted or name in self._predicted]

    def _pending(self, sample: GoldenSample) -> list[str]:
        return [name for name in self._scorers if (sample.id, name, 0) not in self._seen]

    def _invalid(self, sample: GoldenSample, stage: str, reason: str, error_type: str) -> None:
        try:
            truth = sample.label(stage)
        except GoldenError:
            truth = None  # the pipeline's own failure is the reason that is told
        self._seen[(sample.id, stage, 0)] = None
        self._scorers[stage].add_invalid(sample.id, reason, error_type, truth=truth, **_about(sample))


def _require_clear(rules: Mapping[str | None, str], dataset: GoldenDataset) -> None:
    """The measures of one task are seldom those of another."""
    if None in rules and len(dataset.specs) > 1:
        raise UsageError(
            "a rule without a stage",
            place="marker vizart_accuracy, argument correct_when",
            expected=f"stage= one of {', '.join(spec.stage for spec in dataset.specs)}",
            found=rules[None],
            hint="name the stage whose samples it judges",
        )


def _ruled(spec: LabelSpec, rules: Mapping[str | None, str]) -> LabelSpec:
    rule = rules.get(spec.stage) or rules.get(None)
    return spec if rule is None else replace(spec, correct_when=rule)


def _mask_size(sample: GoldenSample, spec: LabelSpec) -> tuple[int, int] | None:
    """The size that polygons of a prediction are painted in; None where no label tells."""
    if spec.task != "instances" or spec.recorded:
        return None
    try:
        label = sample.label(spec.stage)
    except GoldenError:
        return None  # the sample is invalid, which is told when the prediction is compared
    return label.size if isinstance(label, InstanceLabels) else None


def _about(sample: GoldenSample) -> dict[str, Any]:
    try:
        digest: str | None = sample.input_digest()
    except (GoldenError, OSError):
        digest = None  # the file is gone or unreadable, which the stage that reads it will tell
    return {"input_path": sample.path, "tags": sample.tags, "input_digest": digest}
