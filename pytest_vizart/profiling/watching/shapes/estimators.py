"""scikit-learn: pipelines, unions, column transformers, estimators. Known by their methods; nothing is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.watching.patches import Place
from pytest_vizart.profiling.watching.places import method_place
from pytest_vizart.profiling.watching.shapes.base import Child, attribute, has_method

_METHODS = ("transform", "predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples")


class EstimatorShape:
    """One estimator: whichever of its methods is called, the call is the stage. Fitting is none."""

    chained = False
    container = False

    def fits(self, value: Any) -> bool:
        return (
            not isinstance(value, type)
            and has_method(value, "get_params")
            and has_method(value, "fit")
            and any(has_method(value, method) for method in _METHODS)
        )

    def name(self, value: Any) -> str:
        return type(value).__name__

    def children(self, value: Any) -> Iterator[Child]:
        yield from ()

    def places(self, value: Any, spot: Place | None) -> tuple[Place, ...]:
        return tuple(method_place(value, method) for method in _METHODS if has_method(value, method))

    def call(self, value: Any) -> Callable[[Any], Any]:
        return _predict_one(value) if has_method(value, "predict") else _transform(value)


class EstimatorPipelineShape(EstimatorShape):
    """`sklearn.pipeline.Pipeline` and what is built like it: its steps, without those that pass through."""

    chained = True
    container = True

    def fits(self, value: Any) -> bool:
        steps = None if isinstance(value, type) else attribute(value, "steps")
        return isinstance(steps, list) and attribute(value, "named_steps") is not None

    def children(self, value: Any) -> Iterator[Child]:
        if attribute(value, "memory") is not None and not _is_fitted(value):
            raise _not_fitted(value)  # fitting puts copies in the place of its steps
        steps = [(name, step) for name, step in value.steps if _works(step)]
        for name, step in steps[:-1]:
            yield Child(name, step, call=_transform(step))
        for name, step in steps[-1:]:
            yield Child(name, step)


class FeatureUnionShape(EstimatorShape):
    """`sklearn.pipeline.FeatureUnion`: its transformers, side by side."""

    container = True

    def fits(self, value: Any) -> bool:
        return not isinstance(value, type) and isinstance(attribute(value, "transformer_list"), list)

    def children(self, value: Any) -> Iterator[Child]:
        yield from (Child(name, part) for name, part in value.transformer_list if _works(part))


class ColumnTransformerShape(EstimatorShape):
    """`sklearn.compose.ColumnTransformer`: its fitted transformers, which are copies of those it was given."""

    container = True

    def fits(self, value: Any) -> bool:
        given = None if isinstance(value, type) else attribute(value, "transformers")
        return isinstance(given, list) and hasattr(value, "remainder")

    def children(self, value: Any) -> Iterator[Child]:
        # Fitting makes estimators even of "passthrough".
        left_out = {name for name, part, _ in value.transformers if not _works(part)}
        if not _works(value.remainder):
            left_out.add("remainder")
        fitted = attribute(value, "transformers_")
        if fitted is None:
            raise _not_fitted(value)
        for name, part, _ in fitted:
            if name not in left_out and _works(part):
                yield Child(name, part)


def _is_fitted(pipeline: Any) -> bool:
    """Whether some step has learned something: scikit-learn's convention is a name that ends in an underscore."""
    return any(
        name.endswith("_") and not name.startswith("__")
        for _, step in pipeline.steps
        if _works(step)
        for name in attribute(step, "__dict__") or ()
    )


def _not_fitted(found: Any) -> UsageError:
    return UsageError(
        "not fitted yet",
        expected="fitted steps: fitting makes copies, which nobody would measure",
        found=found,
        hint="watch it after fit()",
    )


def _works(step: Any) -> bool:
    return step is not None and not isinstance(step, str)  # "passthrough", "drop"


def _transform(step: Any) -> Callable[[Any], Any]:
    if not has_method(step, "transform"):
        raise UsageError(
            "this step cannot transform", expected="an estimator with transform() or, at the end, predict()", found=step
        )
    return lambda value: step.transform(value)


def _predict_one(step: Any) -> Callable[[Any], Any]:
    def predict_one(value: Any) -> Any:
        result = step.predict(value)
        return result[0] if len(result) == 1 else result

    return predict_one
