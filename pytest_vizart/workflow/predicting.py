"""The part of a run that a test speaks to about its results: `predict` and `golden`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import VizartError
from pytest_vizart.golden.dataset import GoldenSample
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.records.labels import LabelSpec
from pytest_vizart.records.outcome import Outcome, OutcomeStatus
from pytest_vizart.records.score import Counts
from pytest_vizart.workflow.artifacts import OutputSaver
from pytest_vizart.workflow.comparing import Log, compare, no_sample, one_for_each, tell_failed
from pytest_vizart.workflow.recorded import as_plain, task_of, tolerances_of
from pytest_vizart.workflow.sampling import Turn
from pytest_vizart.workflow.scorebook import Scorebook

_WORST_FIRST: tuple[OutcomeStatus, ...] = ("invalid", "wrong", "unlabeled", "correct")


class Predicting:
    """Compares what the test hands over with labels and recorded outputs of the samples at hand.

    Attributes: `scorebook`, None before the first sample; `predictions`, kept for a run that several tests make
    together, else None; `told`, stages and samples whose failure stands in the trail.
    """

    recorder: Recorder
    scorebook: Scorebook | None
    predictions: list[tuple[LabelSpec, Prediction]] | None
    told: set[tuple[str, str]]
    log: Log
    _group: Sequence[GoldenSample]
    _saver: OutputSaver | None
    _batch: bool
    _turn: Turn

    def predict(
        self,
        value: Any,
        *,
        stage: str | None = None,
        box_format: Literal["xyxy", "xywh", "cxcywh"] = "xyxy",
        labels: Literal["id", "index", "name"] | None = None,
    ) -> Outcome | None:
        """Compare a prediction with the ground truth of the stage just closed, or of `stage`.

        In batches() the value is a list with one prediction for each sample.

        Returns:
            What became of the sample (of a batch, the worst one), known before the next one begins; None in warm-up and
            in later passes, which are compared with the first.

        Raises:
            PredictionError: it has another form, shape or class than the task takes, or there is no sample at hand.
        """
        __tracebackhide__ = True
        if self.scorebook is None or not self._group:
            raise no_sample("predict()")
        spec = self.scorebook.resolve(stage, self.recorder.last_stage, self.recorder.open_stage())
        return self._compare(value, spec, box_format, labels)

    def golden(
        self,
        value: Any,
        *,
        name: str | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        **tolerances: float,
    ) -> Outcome | None:
        """Hold an output without human labels to what was recorded of it when it was accepted.

        Numbers, arrays and dicts of them, tables (pandas, Polars, Arrow), images (uint8 or uint16 pixels, Pillow) and
        text; in batches() a list with one for each sample. Recorded with `--vizart-update`, below `recorded/` in the
        dataset's folder; a sample of which nothing is recorded, or whose output differs, fails the test.

        Args:
            name: of the output; the stage just closed if absent.
            rtol, atol: relative and absolute difference that numbers may have, as numpy.isclose defines them; if absent
                1e-5 and 1e-8 for floats, and nothing for whole numbers. Images and text must be equal.
            tolerances: others by name: psnr_db, ssim (images), cer, wer (text).

        Returns:
            What became of the sample (of a batch, the worst one); None in warm-up and in later passes.

        Raises:
            PredictionError: it is no such value, or there is no sample at hand.
            UsageError: a name, a tolerance or a kind of value that cannot be meant.
        """
        __tracebackhide__ = True
        if self.scorebook is None or not self._group:
            raise no_sample("golden()")
        values = one_for_each(value, self._group) if self._batch else [value]
        try:
            outputs = [as_plain(each) for each in values]
            allowed = tolerances_of(rtol, atol, tolerances)
            spec = self.scorebook.recorded_spec(name or self.recorder.last_stage, task_of(outputs[0]), allowed)
        except VizartError as error:
            raise error.with_traceback(None) from None  # the frames below are ours and say nothing to the user
        return self._compare(outputs if self._batch else outputs[0], spec, "xyxy", None)

    def _compare(self, value: Any, spec: LabelSpec, box_format: Any, labels: Any) -> Outcome | None:
        __tracebackhide__ = True
        assert self.scorebook is not None
        values = one_for_each(value, self._group) if self._batch else [value]
        compared = compare(self.scorebook, spec, self._group, values, self._turn, box_format=box_format, labels=labels)
        if self.predictions is not None:
            self.predictions += [(spec, prediction) for prediction, _ in compared]
        outcomes = [outcome for _, outcome in compared if outcome is not None]
        if self._saver is not None:
            self._saver.judged(outcomes)
        self.told.update((each.stage, each.sample_id) for each in outcomes if tell_failed(self.log, each))
        return min(outcomes, key=lambda each: _WORST_FIRST.index(each.status)) if outcomes else None

    @property
    def progress(self) -> dict[str, tuple[Counts, dict[str, float | None]]]:
        """Stage -> counts of samples and metrics so far, while samples pass; empty before the first prediction."""
        return {} if self.scorebook is None else self.scorebook.running()
