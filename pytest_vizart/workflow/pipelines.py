"""Pipelines of known shapes, run over a dataset, sample by sample and stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from pytest_vizart.errors import PipelineError, PredictionError, UsageError
from pytest_vizart.golden.dataset import GoldenDataset, GoldenSample
from pytest_vizart.profiling.watching.shapes import Step, steps_of
from pytest_vizart.profiling.watching.watch import Watch
from pytest_vizart.workflow.stage_calls import StageCalls

NamedStage = tuple[str, Callable[[Any], Any]]
StageOutput = Callable[[str, Any], Any]


class Runner(Protocol):
    """What a checked pipeline needs of a run; `Run` has it, and so has the inert one of --vizart-off."""

    @property
    def profile(self) -> str: ...

    def samples(self, dataset: GoldenDataset) -> Iterator[GoldenSample]: ...

    @property
    def stage(self) -> Callable[[str], Any]: ...

    @property
    def predict(self) -> Callable[..., object]: ...

    def failed_stage(self, error: BaseException) -> str | None: ...

    def record_failure(self, error: BaseException) -> None: ...


def check_pipeline(
    run: Runner,
    pipeline: Any,
    dataset: GoldenDataset,
    *,
    source: Any,
    output: Any,
    on_error: str,
    **forms: Any,
) -> None:
    """Run every stage on every sample and hand what labelled stages give to `predict`. See `Run.check`."""
    __tracebackhide__ = True
    if on_error not in ("continue", "raise"):
        raise UsageError("unknown value", place="check(on_error=...)", expected="continue or raise", found=on_error)
    steps = _steps(pipeline)
    first_input = _source(source)
    as_prediction = _output(output)
    labelled = set() if run.profile == "off" else {spec.stage for spec in dataset.specs}
    outputs = _Outputs(steps, labelled)
    failures: dict[str, tuple[str | None, Exception]] = {}
    with StageCalls(run.stage) as calls, Watch(outputs.nested_parts, keep=outputs.keepers):
        calls.look_at(steps)
        for sample in run.samples(dataset):
            outputs.clear()
            try:
                value = first_input(sample)
                for step in steps:
                    value = calls.call(step, value)
                    outputs.keep(step.name, value)
                    for name in outputs.labelled_in(step):
                        run.predict(as_prediction(name, outputs.only_one(name)), stage=name, **forms)
            except UsageError:
                raise
            except Exception as error:
                if on_error == "raise":
                    raise
                failures.setdefault(sample.id, (run.failed_stage(error), error))
                run.record_failure(error)
    if failures:
        raise _told(failures, len(dataset)) from next(iter(failures.values()))[1]


def pipeline_stages(pipeline: Any) -> list[NamedStage]:
    """Return the stages of a pipeline as (name, callable).

    Raises:
        UsageError: its shape is not known, it has no stage, or two of the same name.
    """
    return [(step.name, step.call) for step in _steps(pipeline)]


class _Outputs:
    """What the labelled stages gave on the sample at hand, those inside of other stages included."""

    def __init__(self, steps: list[Step], labelled: set[str]) -> None:
        self._labelled = {
            step.name: [name for name in (*(part.name for part in step.inside), step.name) if name in labelled]
            for step in steps
        }
        self.nested_parts = [part for step in steps for part in step.inside]
        nested = [part.name for part in self.nested_parts if part.name in labelled]
        self.keepers = {name: partial(self.keep, name) for name in nested}
        self._given: dict[str, list[Any]] = {}

    def clear(self) -> None:
        self._given = {}

    def keep(self, name: str, value: Any) -> None:
        self._given.setdefault(name, []).append(value)

    def labelled_in(self, step: Step) -> list[str]:
        return self._labelled[step.name]

    def only_one(self, name: str) -> Any:
        given = self._given.get(name, [])
        if len(given) != 1:
            raise PredictionError(
                f"stage {name!r} has labels, and ran {len(given)} times on this sample",
                place="check()",
                expected="one output for each sample",
                hint="call vizart_run.predict(...) yourself, inside of `for sample in vizart_run.samples(...)`",
            )
        return given[0]


def _steps(pipeline: Any) -> list[Step]:
    try:
        return steps_of(pipeline)
    except UsageError as error:
        error.place = error.place or "check()"
        raise


def _source(source: Any) -> Callable[[GoldenSample], Any]:
    known: dict[str, Callable[[GoldenSample], Any]] = {
        "path": lambda sample: sample.path,
        "array": lambda sample: sample.load(),
    }
    if callable(source):
        return source  # type: ignore[no-any-return]
    if source in known:
        return known[source]
    raise UsageError(
        "unknown value", place="check(input=...)", expected='"path", "array" or a function of the sample', found=source
    )


def _output(output: Any) -> StageOutput:
    if output is None:
        return lambda _, value: value
    if isinstance(output, Mapping):
        return lambda stage, value: output[stage](value) if stage in output else value
    if callable(output):
        return output  # type: ignore[no-any-return]
    raise UsageError(
        "unknown value",
        place="check(output=...)",
        expected="a function of (stage, value), or {stage: function}",
        found=output,
    )


def _told(failures: Mapping[str, tuple[str | None, Exception]], total: int) -> PipelineError:
    names = list(failures)
    stage, error = failures[names[0]]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    where = f" in stage {stage}" if stage else ""
    return PipelineError(
        f"the pipeline raised on {len(names)} of {total} samples: {', '.join(names[:5])}{more}; "
        f"the first: {type(error).__name__}{where} of {names[0]}: {error}",
        place="check()",
        hint='the other samples were processed; on_error="raise" stops at the first one',
    )
