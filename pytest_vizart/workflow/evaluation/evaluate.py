"""Labels and predictions compared: `vizart evaluate`, and `pytest_vizart.evaluate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_vizart.records.labels import Task
from pytest_vizart.workflow.evaluation.options import ClassNames, Options
from pytest_vizart.workflow.evaluation.result import Evaluation

if TYPE_CHECKING:
    from pytest_vizart.golden.dataset import GoldenDataset
    from pytest_vizart.golden.formats.coco_results import CocoTask

StrPath = str | PathLike[str]
Values = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Sample -> value, or pairs of both."""

_COCO_TASKS = ("boxes", "instances", "keypoints")


def evaluate(
    labels: StrPath | GoldenDataset | Values,
    predictions: StrPath | Values,
    *,
    task: Task | None = None,
    format: str | None = None,  # noqa: A002 - the name that manifests have for it
    predictions_format: str | None = None,
    stage: str | None = None,
    classes: ClassNames | None = None,
    prediction_classes: ClassNames | None = None,
    class_numbers: str | None = None,
    box_format: str | None = None,
    score_threshold: float | None = None,
    iou_threshold: float | None = None,
    ignore: int | None = None,
    images: StrPath | None = None,
    errors: bool = True,
) -> Evaluation:
    """Compare predictions with their ground truth, without a pipeline and without pytest.

    Metrics and errors are those that a test with `vizart_run.predict` gets. Two COCO files are compared by columns,
    with the same figures, at the speed of reading them.

    Args:
        labels: a label file of any format, a golden dataset or its folder, a folder of label files or a path with {id};
            or sample -> label in memory: label records, or plain values as JSON Lines have them.
        predictions: COCO's results, a folder of YOLO files with scores, JSON Lines or JSON in the forms of
            docs/predictions.md, a CSV of classes, a folder of masks, point labels, clouds, images or texts, a path with
            {id}; or sample -> prediction in memory.
        task: "boxes", "instances", "keypoints", ...; what the files tell without it.
        format, predictions_format: names of the formats; found from what the paths are without them.
        stage: of a golden dataset that has labels for several.
        classes: names of the ground truth's classes, where its files hold numbers alone.
        prediction_classes: names of the model's classes by its numbers, where they are not the ground truth's.
        class_numbers: "id", "index" or "name": what a class given as a number is, where the two differ.
        box_format: "xyxy" (default), "xywh" or "cxcywh", in pixels; of labels and predictions whose format leaves it
            open.
        score_threshold: predictions under it do not count for correct, wrong, precision, recall and errors (0.5).
        iou_threshold: similarity at which objects meet, for the same figures (0.5).
        ignore: value in masks and point labels that means: no label here.
        images: folder of the inputs, where sizes of images have to be known and no label file gives them.
        errors: False leaves out everything but COCO's numbers where both sides are COCO files, which takes about
            half as long.

    Raises:
        UsageError: what neither files nor arguments tell, or an argument that cannot be meant.
        GoldenError: something is not there, or not what it should be (GoldenFormatError, with the place).
        PredictionError: predictions that cannot be compared with the ground truth.
    """
    options = Options(
        task=task,
        format=format,
        predictions_format=predictions_format,
        stage=stage,
        classes=classes,
        prediction_classes=prediction_classes,
        class_numbers=class_numbers,
        box_format=box_format,
        score_threshold=score_threshold,
        iou_threshold=iou_threshold,
        ignore=ignore,
        images=None if images is None else Path(images),
    )
    own, other = _path(labels), _path(predictions)
    if own is not None and other is not None:
        return evaluate_files(own, other, options, errors=errors)
    return _scored(labels if own is None else own, predictions if other is None else other, options)


def evaluate_files(labels: Path, predictions: Path, options: Options, *, errors: bool = True) -> Evaluation:
    """Compare two paths; see `evaluate`."""
    from pytest_vizart.workflow.evaluation.path_kinds import prediction_format, require_there

    require_there(labels, "a label file, a golden dataset's folder, or a path with {id}")
    require_there(predictions, "predictions: a file, a folder, or a path with {id}")
    form = options.predictions_format or prediction_format(predictions)
    task = _coco_task(labels, predictions, form, options)
    if task is None:
        return _scored(labels, predictions, replace(options, predictions_format=form))
    return _of_coco(labels, predictions, task, options, errors=errors)


def _path(side: object) -> Path | None:
    return Path(side) if isinstance(side, str | PathLike) else None


def _coco_task(labels: Path, predictions: Path, form: str, options: Options) -> CocoTask | None:
    """Return the task if both sides are COCO files that can be compared by columns."""
    from pytest_vizart.workflow.evaluation.path_kinds import beginning, label_format, label_task, task_of_results

    asked = (options.classes, options.prediction_classes, options.stage, options.images, options.ignore)
    plain = (
        asked == (None,) * len(asked) and options.class_numbers in (None, "id") and options.box_format in (None, "xywh")
    )
    if not plain or form != "coco" or labels.is_dir() or not beginning(predictions).lstrip().startswith("["):
        return None
    known = options.format or (label_format(labels) if labels.suffix.lower() == ".json" else None)
    if known != "coco":
        return None
    task = options.task or label_task("coco", labels, task_of_results(form, predictions))
    return task if task in _COCO_TASKS and not _has_custom_metrics(task) else None  # type: ignore[return-value]


def _has_custom_metrics(task: Task) -> bool:
    from pytest_vizart.accuracy.custom import registered_metrics

    return any(task in metric.tasks for metric in registered_metrics().values())


def _of_coco(labels: Path, predictions: Path, task: CocoTask, options: Options, *, errors: bool) -> Evaluation:
    from pytest_vizart.workflow.evaluation.coco_fast import coco_figures, coco_numbers_alone

    compare = coco_figures if errors else coco_numbers_alone
    figures = compare(labels, predictions, task, settings=options.thresholds)
    chosen = replace(options, task=task, format="coco", predictions_format="coco")
    return Evaluation(
        spec=figures.spec,
        headline="oks_map" if task == "keypoints" else "map",
        metrics=figures.metrics,
        per_class=figures.per_class,
        errors=figures.errors,
        counts=figures.counts,
        details=figures.details,
        info={},
        notes=figures.notes,
        labels=f"{labels.name} (coco)",
        predictions=f"{predictions.name} (coco)",
        compare_samples=lambda: _scored(labels, predictions, chosen).outcomes,
    )


def _scored(labels: Any, predictions: Any, options: Options) -> Evaluation:
    """Compare sample by sample."""
    from pytest_vizart.golden.dataset import GoldenDataset
    from pytest_vizart.workflow.evaluation.label_files import open_labels
    from pytest_vizart.workflow.evaluation.path_kinds import require_there, task_of_results
    from pytest_vizart.workflow.evaluation.predictions import open_predictions
    from pytest_vizart.workflow.evaluation.predictions.rows import of_values
    from pytest_vizart.workflow.evaluation.scoring import scored
    from pytest_vizart.workflow.evaluation.truths import truths_of_dataset
    from pytest_vizart.workflow.evaluation.values import truths_of_values

    form = _form(predictions, options) if isinstance(predictions, Path) else None
    if isinstance(labels, GoldenDataset):
        truths = truths_of_dataset(labels, options)
    elif isinstance(labels, Path):
        require_there(labels, "a label file, a golden dataset's folder, or a path with {id}")
        predicted = task_of_results(form, predictions) if form else None
        truths = open_labels(labels, options, predicted=predicted)
    else:
        truths = truths_of_values(labels, options)
    if form is not None:
        return scored(truths, open_predictions(predictions, form, truths, options))
    return scored(truths, of_values(predictions, truths, options))


def _form(predictions: Path, options: Options) -> str:
    from pytest_vizart.workflow.evaluation.path_kinds import prediction_format, require_there

    require_there(predictions, "predictions: a file, a folder, or a path with {id}")
    return options.predictions_format or prediction_format(predictions)
