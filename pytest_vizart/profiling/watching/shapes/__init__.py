"""Pipelines of known shapes, taken apart into named stages: one file for each family of shapes, and the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.recording.stage_names import checked_name
from pytest_vizart.profiling.watching.patches import Place
from pytest_vizart.profiling.watching.shapes.base import Child, Shape
from pytest_vizart.profiling.watching.shapes.estimators import (
    ColumnTransformerShape,
    EstimatorPipelineShape,
    EstimatorShape,
    FeatureUnionShape,
)
from pytest_vizart.profiling.watching.shapes.functions import FunctionShape
from pytest_vizart.profiling.watching.shapes.stage_objects import (
    CollectionShape,
    StageObjectShape,
    StagesShape,
    not_a_stage,
)
from pytest_vizart.profiling.watching.shapes.torch_modules import TorchModuleShape
from pytest_vizart.profiling.watching.staging import original_of, stage_name_of

SHAPES: tuple[Shape, ...] = (
    FunctionShape(),
    TorchModuleShape(),
    EstimatorPipelineShape(),
    FeatureUnionShape(),
    ColumnTransformerShape(),
    EstimatorShape(),
    StagesShape(),
    CollectionShape(),
    StageObjectShape(),
)
"""The first that fits is the shape of a thing."""

KNOWN_SHAPES = (
    "a list of (name, callable) or a mapping, a scikit-learn Pipeline, a torch Module, an object with .stages, "
    "a stage object, or a callable"
)
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Part:
    """A stage that is measured where it stands.

    of: what is called; calls of its methods by each other are no stages of their own.
    """

    name: str
    of: Any
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A stage that is called: with its input, one after the other, and with the stages inside of it."""

    name: str
    call: Callable[[Any], Any]
    inside: tuple[Part, ...]


def shape_of(value: Any) -> Shape:
    """Return the shape of a pipeline or of a part of one.

    Raises:
        UsageError: none of the known ones fits.
    """
    shape = next((shape for shape in SHAPES if shape.fits(value)), None)
    if shape is None:
        raise UsageError(
            "this pipeline's shape is not known",
            expected=KNOWN_SHAPES,
            found=value,
            hint="give its steps as [(name, callable), ...]",
        )
    return shape


def parts_of(value: Any) -> list[Part]:
    """Return what a watch of a pipeline measures: its stages, and those inside of them.

    Raises:
        UsageError: the shape is not known, there is no stage in it, two have one name, or one cannot be replaced.
    """
    shape = shape_of(value)
    if shape.container:
        return _named_apart(list(_inside(value, "", ())), value)
    return parts_named(shape.name(value), value)


def parts_named(name: str, value: Any, spot: Place | None = None) -> list[Part]:
    """Return the same of one thing that is a stage of this name as a whole."""
    return _named_apart(list(_part(Child(name, value, spot), "", ())), value)


def steps_of(value: Any) -> list[Step]:
    """Return the stages of a pipeline, to be called one after the other.

    Raises:
        UsageError: as parts_of.
    """
    shape = shape_of(value)
    if shape.chained:
        steps = [_step(child) for child in shape.children(value)]
    else:
        name = shape.name(value)
        prefix = "" if shape.container else f"{name}."
        steps = [Step(checked_name(name, 0), shape.call(value), tuple(_inside(value, prefix, ())))]
    _named_apart([part for step in steps for part in (step, *step.inside)], value)
    return steps


def _step(child: Child) -> Step:
    value = original_of(child.value)
    shape = _shape_of_stage(value)
    inside = tuple(_inside(value, f"{child.name}.", ()))
    return Step(checked_name(child.name, 0), child.call or shape.call(value), inside)


def _part(child: Child, prefix: str, above: tuple[int, ...]) -> Iterator[Part]:
    value, name = original_of(child.value), checked_name(prefix + child.name, 0)
    if stage_name_of(value) == name:
        yield Part(name, value, ())  # it is one already, by decoration
    elif places := _shape_of_stage(value).places(value, child.spot):
        yield Part(name, value, places)
    if not child.closed:
        yield from _inside(value, f"{name}.", above)


def _inside(value: Any, prefix: str, above: tuple[int, ...]) -> Iterator[Part]:
    if id(value) in above or len(above) > _DEEPEST:
        raise UsageError("this pipeline contains itself", found=value)
    for child in _shape_of_stage(value).children(value):
        yield from _part(child, prefix, (*above, id(value)))


def _shape_of_stage(value: Any) -> Shape:
    shape = next((shape for shape in SHAPES if shape.fits(value)), None)
    if shape is None:
        raise not_a_stage(value)
    return shape


def _named_apart(found: list[Any], value: Any) -> list[Any]:
    if not found:
        raise UsageError(
            "there is no stage in this pipeline",
            expected=KNOWN_SHAPES,
            found=value,
            hint="what is compiled or scripted cannot be taken apart: call it inside of `with vizart_run.stage(...):`",
        )
    names: set[str] = set()
    for one in found:
        if one.name in names:
            raise UsageError(
                "two stages have the same name", expected="a name of its own for each stage", found=one.name
            )
        names.add(one.name)
    return found
