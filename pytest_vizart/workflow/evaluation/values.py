"""Ground truth in memory: label records, or plain values with the keys of JSON Lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_vizart.errors import GoldenFormatError, UsageError
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.golden.formats.plain_labels import WITHOUT_CLASSES, checked_record, plain_label
from pytest_vizart.golden.formats.plain_values import PlainValues
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import LABEL_OF_TASK, NO_CLASSES, ClassMap, Label, LabelSpec, Task
from pytest_vizart.workflow.evaluation.label_files import read_names
from pytest_vizart.workflow.evaluation.notes import counted
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.truths import Truths

_IN_MEMORY = Path("labels")
_KEY_OF_VALUE: dict[Task, str] = {
    "classes": "label",
    "semantic": "mask",
    "points": "labels",
    "cloud": "xyz",
    "image": "image",
    "text": "text",
    "array": "array",
}
"""Tasks of which a label may be given as the value alone."""


def truths_of_values(values: Mapping[str, Any] | Iterable[tuple[str, Any]], options: Options) -> Truths:
    """Return labels in memory, by sample.

    Raises:
        UsageError: no sample, one twice, a task or classes that are not told.
        GoldenFormatError: a label is not what the task wants.
    """
    given = _checked(values)
    task = options.task or _task(given)
    classes = _classes(given, task, options)
    spec = LabelSpec(options.stage or task, task, classes)
    keys = tuple(SampleKey(name, Path(name), name, name) for name in given)
    lookup = ClassLookup(classes)
    return Truths(
        spec=options.applied_to(spec),
        keys=keys,
        read=lambda key: _label(given[key.id], key, task, classes, lookup, options),
        told=f"{counted(len(given), 'label')} in memory",
    )


def _checked(values: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> dict[str, Any]:
    try:
        pairs = list(values.items() if isinstance(values, Mapping) else values)
        given = dict(pairs)
    except (TypeError, ValueError) as error:
        raise UsageError(
            "not labels",
            place="labels",
            expected="a path, a GoldenDataset, sample -> label, or pairs of both",
            found=f"{type(values).__name__}: {error}",
            hint="give a dictionary",
        ) from error
    problem = "two labels for one sample" if len(given) < len(pairs) else "no labels" if not given else None
    problem = problem or ("sample's name is no text" if not all(isinstance(name, str) for name in given) else None)
    if problem is not None:
        raise UsageError(problem, place="labels", expected="one label for each sample, by name", hint="correct it")
    return given


def _task(given: Mapping[str, Any]) -> Task:
    kinds = {kind: task for task, kind in LABEL_OF_TASK.items()}
    tasks = {kinds.get(type(label)) for label in given.values() if label is not None}
    task = tasks.pop() if len(tasks) == 1 else None
    if task is None and all(isinstance(label, str | None) for label in given.values()):
        task = "classes"
    if task is None:
        raise UsageError(
            "task is not known",
            place="task",
            expected=", ".join(LABEL_OF_TASK),
            found="plain values, which may be labels of several tasks",
            hint="name it: task=...",
        )
    return task


def _classes(given: Mapping[str, Any], task: Task, options: Options) -> ClassMap:
    if task in WITHOUT_CLASSES:
        return NO_CLASSES
    if options.classes is not None:
        return read_names(options.classes, "classes")
    names: set[str] = set()
    for label in given.values():
        value = label.get("labels", label.get("label")) if isinstance(label, Mapping) else label
        found = value if isinstance(value, list | tuple) else [value]
        names |= {one for one in found if isinstance(one, str)}
        if any(one is not None and not isinstance(one, str) for one in found):
            names = set()
            break
    if not names:
        raise UsageError(
            "classes are not known",
            place="classes",
            expected="their names",
            found="labels that are numbers",
            hint="give them: classes=[...]",
        )
    return read_names(sorted(names), "classes")


def _label(
    value: Any, key: SampleKey, task: Task, classes: ClassMap, lookup: ClassLookup, options: Options
) -> Label | None:
    if value is None:
        return None
    place = f"{key.id!r}"
    form = options.box_format or "xyxy"
    if type(value) is LABEL_OF_TASK[task]:
        return checked_record(
            task, value, lambda columns: PlainValues(columns, _IN_MEMORY, place, classes, lookup, indexed=True)
        )
    if not isinstance(value, Mapping) and task in _KEY_OF_VALUE:
        value = {_KEY_OF_VALUE[task]: value}
    if not isinstance(value, Mapping):
        raise GoldenFormatError(
            "not a label of this task",
            file=_IN_MEMORY,
            place=place,
            expected=f"{LABEL_OF_TASK[task].__name__}, or a dictionary",
            found=type(value).__name__,
            hint="docs/golden.md has the keys of each task",
        )
    return plain_label(
        task,
        PlainValues(value, _IN_MEMORY, place, classes, lookup, form, options.ignore),  # type: ignore[arg-type]
    )
