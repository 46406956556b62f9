"""Predictions of the samples at hand meet their labels, with errors that name the sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import PredictionError, UsageError
from pytest_vizart.golden.dataset import GoldenSample
from pytest_vizart.records.labels import LabelSpec
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.workflow.recorded import as_plain
from pytest_vizart.workflow.sampling import Turn
from pytest_vizart.workflow.scorebook import Scorebook


class Log(Protocol):
    def __call__(self, event: str, /, *, level: str = "INFO", **fields: Any) -> None: ...


def compare(
    book: Scorebook,
    spec: LabelSpec,
    group: Sequence[GoldenSample],
    values: Sequence[Any],
    turn: Turn,
    *,
    box_format: Any,
    labels: Any,
) -> list[tuple[Prediction, Outcome | None]]:
    """Return the plain prediction of each sample and its outcome, which only the first pass has; in warm-up nothing.

    Raises:
        PredictionError: a value has another form, shape or class than the task takes.
    """
    __tracebackhide__ = True
    compared: list[tuple[Prediction, Outcome | None]] = []
    for sample, value in zip(group, values, strict=True):
        try:
            # What a stage gives is handed to predict() as it is; golden() has made it plain.
            value = as_plain(value) if spec.recorded else value
            prediction = book.read(value, sample, spec, box_format=box_format, labels=labels)
            if not turn.warmup:
                compared.append((prediction, book.add(sample, prediction, spec, turn.pass_index)))
        except PredictionError as error:
            error.place = f"sample {sample.id!r}, stage {spec.stage!r}" + (f", {error.place}" if error.place else "")
            # The frames below are ours and say nothing to the user.
            raise error.with_traceback(None) from None
        except UsageError as error:
            raise error.with_traceback(None) from None
    return compared


def tell_failed(log: Log, outcome: Outcome) -> bool:
    """Write a sample that failed into the trail, so that it is known before the next one; return whether it failed."""
    if outcome.status not in ("wrong", "invalid"):
        return False
    log(
        f"sample {outcome.status}",
        level="WARNING",
        stage=outcome.stage,
        sample=outcome.sample_id,
        input_path=outcome.input_path,
        error_type=outcome.error_type,
        reason=outcome.reason,
    )
    return True


def no_sample(call: str) -> PredictionError:
    """Return the error of a call that no sample is at hand for."""
    return PredictionError(
        "there is no sample to compare with",
        place=call,
        expected="a call inside of samples(), batches() or golden_sample",
        hint=f"for sample in vizart_run.samples(golden_dataset): ... vizart_run.{call.replace('()', '(...)')}",
    )


def one_for_each(value: Any, group: Sequence[GoldenSample]) -> list[Any]:
    """Return the predictions of a batch; PredictionError if they are not as many as its samples."""
    try:
        values = list(value)
    except TypeError:
        values = None
    if values is None or len(values) != len(group):
        raise PredictionError(
            "a batch needs one prediction for each of its samples",
            place="predict()",
            expected=f"a list of {len(group)}",
            found=type(value).__name__ if values is None else f"{len(values)} predictions",
            hint="vizart_run.predict([prediction for each sample of the batch])",
        )
    return values
