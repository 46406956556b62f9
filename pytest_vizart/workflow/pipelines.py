"""Pipelines of known shapes: taken apart into stages and run over a dataset, sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from pytest_vizart.errors import PipelineError, UsageError
from pytest_vizart.golden.dataset import GoldenDataset, GoldenSample

NamedStage = tuple[str, Callable[[Any], Any]]
StageOutput = Callable[[str, Any], Any]

_METHODS = ("process", "run", "predict", "transform", "forward")
_SHAPES = "a list of (name, callable), a scikit-learn Pipeline, an object with .stages, or a callable"


class Runner(Protocol):
    """What a checked pipeline needs of a run; `Run` has it, and so has the inert one of --vizart-off."""

    def samples(self, dataset: GoldenDataset) -> Iterator[GoldenSample]: ...

    def stage(self, name: str) -> Any: ...

    @property
    def predict(self) -> Callable[..., None]: ...

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
    if on_error not in ("continue", "raise"):
        raise UsageError("unknown value", place="check(on_error=...)", expected="continue or raise", found=on_error)
    stages = pipeline_stages(pipeline)
    first_input = _source(source)
    as_prediction = _output(output)
    labelled = {spec.stage for spec in dataset.specs} & {name for name, _ in stages}
    failures: dict[str, tuple[str | None, Exception]] = {}
    for sample in run.samples(dataset):
        try:
            value = first_input(sample)
            for name, function in stages:
                with run.stage(name) as stage:
                    value = stage.output(function(value))
                if name in labelled:
                    run.predict(as_prediction(name, value), stage=name, **forms)
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
        UsageError: its shape is not known, or it has no stage.
    """
    steps = getattr(pipeline, "steps", None)
    if steps is not None and hasattr(pipeline, "named_steps"):
        return _sklearn_stages(steps)
    parts = getattr(pipeline, "stages", None)
    if parts is None and isinstance(pipeline, list | tuple | Mapping):
        parts = pipeline
    if parts is not None:
        items: Iterable[Any] = parts.items() if isinstance(parts, Mapping) else parts
        stages = [_named(item) for item in items]
        if stages:
            return stages
    elif callable(pipeline):
        return [(getattr(pipeline, "__name__", type(pipeline).__name__), pipeline)]
    raise UsageError(
        "this pipeline's shape is not known",
        place="check()",
        expected=_SHAPES,
        found=pipeline,
        hint="give its steps as [(name, callable), ...]",
    )


def _named(item: Any) -> NamedStage:
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and callable(item[1]):
        return item
    name = getattr(item, "name", None)
    if isinstance(name, str):
        function = next((getattr(item, method) for method in _METHODS if callable(getattr(item, method, None))), None)
        if function is None and callable(item):
            function = item
        if function is not None:
            return name, function
    raise UsageError(
        "this is not a stage",
        place="check()",
        expected=f"(name, callable), or an object with .name and one of {', '.join(_METHODS)}",
        found=item,
        hint="give the steps as [(name, callable), ...]",
    )


def _sklearn_stages(steps: list[tuple[str, Any]]) -> list[NamedStage]:
    *transformers, (last_name, last) = [(name, step) for name, step in steps if step not in (None, "passthrough")]
    stages: list[NamedStage] = [(name, step.transform) for name, step in transformers]
    if not hasattr(last, "predict"):
        return [*stages, (last_name, last.transform)]

    def predict_one(value: Any) -> Any:
        result = last.predict(value)
        return result[0] if len(result) == 1 else result

    return [*stages, (last_name, predict_one)]


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
