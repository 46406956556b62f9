"""COCO's results, and COCO files whose annotations have scores, for ground truth of any format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pytest_vizart.accuracy.coco.edges import Boxes
from pytest_vizart.accuracy.coco.ranking import stable_order
from pytest_vizart.accuracy.geometry import masks
from pytest_vizart.accuracy.predicted import BoxPredictions, InstancePredictions, KeypointPredictions, Prediction
from pytest_vizart.errors import GoldenError, GoldenFormatError, PredictionError
from pytest_vizart.golden.formats.coco_ids import CocoId, IdTable
from pytest_vizart.golden.formats.coco_results import CocoResults, CocoTask, read_coco_results
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import KeypointLabels, Label
from pytest_vizart.workflow.evaluation.notes import counted, unknown_notes, unknown_results
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.path_kinds import beginning
from pytest_vizart.workflow.evaluation.predictions import Predictions, require_task
from pytest_vizart.workflow.evaluation.predictions.json_file import read_json
from pytest_vizart.workflow.evaluation.predictions.values import ValueReader
from pytest_vizart.workflow.evaluation.truths import Truths

_TASKS: tuple[CocoTask, ...] = ("boxes", "instances", "keypoints")


def open_results(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """Open a result file; images are those of the ground truth's COCO file, or named by samples' IDs."""
    require_task(form, truths, path, _TASKS)
    if not beginning(path).lstrip().startswith("["):
        return _scored_annotations(path, form, truths, options)
    samples = dict(truths.image_ids) or _ids_of_names(truths)
    images = IdTable(samples)
    task: Any = truths.spec.task
    numbers = _category_numbers(truths, options, path)
    table = IdTable(numbers)
    found = read_coco_results(
        path,
        images,
        table,
        task,
        sizes=_sizes(truths, samples, images) if task == "instances" else (),
        keypoint_count=_keypoint_count(truths) if task == "keypoints" else 0,
    )
    rows = _rows_of_samples(found, [samples[one] for one in images.ids])
    positions = np.array([numbers[one] for one in table.ids], dtype=np.int64)
    found = replace(found, class_index=positions[found.class_index])
    build = _BUILD[truths.spec.task]

    def read(key: SampleKey, label: Label) -> Prediction | None:
        chosen = rows.get(key.id)
        return None if chosen is None else build(found, chosen, label, truths, key)

    return Predictions(read, f"{path.name} ({form})", unknown_results(found, path), absent_is_empty=True)


def _ids_of_names(truths: Truths) -> dict[CocoId, str]:
    """Return what results may call a sample where no COCO file numbers the images: its ID, or that as a number."""
    ids: dict[CocoId, str] = {key.id: key.id for key in truths.keys}
    for key in truths.keys:
        stem = key.id.rsplit("/", 1)[-1]
        if stem.isascii() and stem.isdecimal() and len(stem) < 19:
            ids.setdefault(int(stem), key.id)
    return ids


def _category_numbers(truths: Truths, options: Options, path: Path) -> dict[CocoId, int]:
    """Return category ID -> class index: those of the ground truth's COCO file, or else of its class map."""
    if options.prediction_classes is not None or options.class_numbers == "name":
        raise PredictionError(
            "category IDs of COCO's results are those of the ground truth",
            file=path,
            expected="class_numbers id or index, and no list of the model's classes",
            hint="write results with the ground truth's category IDs, or JSON Lines with names",
        )
    classes = truths.spec.classes
    if options.class_numbers == "index":
        return {index: index for index in range(len(classes))}
    if options.class_numbers is None and truths.categories:
        known = {name: index for index, name in enumerate(classes.names)}
        return {number: known[name] for number, name in truths.categories.items() if name in known}
    return {number: index for index, number in enumerate(classes.ids)}


def _sizes(truths: Truths, samples: Mapping[CocoId, str], images: IdTable) -> list[tuple[int, int]]:
    keys = {key.id: key for key in truths.keys}
    sizes = []
    for one in images.ids:
        key = keys[samples[one]]
        try:
            sizes.append(truths.size_of(key))
        except GoldenError:
            label = truths.read(key)  # its masks have a size
            sizes.append(truths.size_of(key, label))
    return sizes


def _keypoint_count(truths: Truths) -> int:
    if truths.spec.keypoint_names:
        return len(truths.spec.keypoint_names)
    for key in truths.keys:
        try:
            label = truths.read(key)
        except GoldenFormatError:
            continue
        if isinstance(label, KeypointLabels):
            return int(label.keypoints.shape[1])
    return 0


def _rows_of_samples(found: CocoResults, samples: list[str]) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
    """Return sample -> positions of its results, in the file's order."""
    order = stable_order(found.image)
    bounds = np.searchsorted(found.image[order], np.arange(len(samples) + 1)).tolist()
    rows: dict[str, np.ndarray[Any, np.dtype[np.int64]]] = {}
    for image, sample in enumerate(samples):
        if bounds[image + 1] > bounds[image]:
            chosen = order[bounds[image] : bounds[image + 1]]
            # A sample may go by its ID and by that as a number.
            rows[sample] = np.sort(np.concatenate([rows[sample], chosen])) if sample in rows else chosen
    return rows


def _boxes(
    found: CocoResults, rows: np.ndarray[Any, Any], label: Label, truths: Truths, key: SampleKey
) -> BoxPredictions:
    assert found.sides is not None
    boxes = Boxes.of_sides(found.sides[rows])
    return BoxPredictions(boxes.corners, found.scores[rows], found.class_index[rows], boxes.extent)


def _instances(
    found: CocoResults, rows: np.ndarray[Any, Any], label: Label, truths: Truths, key: SampleKey
) -> InstancePredictions:
    own = tuple(found.masks[row] for row in rows.tolist())
    size = truths.size_of(key, label)
    if found.sides is not None:
        objects = _boxes(found, rows, label, truths, key)
    else:
        objects = BoxPredictions(masks.boxes(own, size), found.scores[rows], found.class_index[rows])
    return InstancePredictions(objects, own, size)


def _keypoints(
    found: CocoResults, rows: np.ndarray[Any, Any], label: Label, truths: Truths, key: SampleKey
) -> KeypointPredictions:
    assert found.keypoints is not None
    points = found.keypoints[rows]
    if found.sides is not None:
        objects = _boxes(found, rows, label, truths, key)
    else:  # COCO's own: the box around all keypoints
        around = np.concatenate([points[:, :, :2].min(axis=1), points[:, :, :2].max(axis=1)], axis=1)
        objects = BoxPredictions(around, found.scores[rows], found.class_index[rows])
    return KeypointPredictions(objects, points)


_Build = Callable[[CocoResults, np.ndarray[Any, Any], Label, Truths, SampleKey], Prediction]
_BUILD: dict[str, _Build] = {"boxes": _boxes, "instances": _instances, "keypoints": _keypoints}


def _scored_annotations(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """Read a COCO file with images, categories, and annotations that have scores: matched by file and class names."""
    require_task(f"{form}, a file with images and annotations,", truths, path, ("boxes",))
    images, categories, annotations = _parts(path)
    samples, unknown = _samples_of(images, truths)
    known, left_out = set(truths.spec.classes.names), 0
    rows: dict[str, list[dict[str, Any]]] = {sample: [] for sample in samples.values()}
    places: dict[str, str] = {}
    for position, row in enumerate(annotations):
        place = f"annotations[{position}]"
        if not isinstance(row, dict) or "bbox" not in row or "score" not in row:
            raise _wrong(path, place, "a bbox and a score", row)
        sample = samples.get(row.get("image_id"))
        category = categories.get(row.get("category_id"))
        if category is None:
            raise _wrong(path, f"{place}.category_id", "the ID of one of `categories`", row.get("category_id"))
        if sample is None:
            continue
        if category not in known:
            left_out += 1
            continue
        places.setdefault(sample, place)
        rows[sample].append({"box": row["bbox"], "score": row["score"], "label": category})
    notes = list(unknown_notes(unknown, len(samples), path, "image"))
    if left_out:
        notes.append(f"{counted(left_out, 'prediction')} of unknown classes left out")
    reader = ValueReader(truths, options, path)

    def read(key: SampleKey, label: Label) -> Prediction | None:
        if not rows.get(key.id):
            return None
        return reader.read(rows[key.id], label, f"from {places[key.id]}", box_format=options.box_format or "xywh")

    return Predictions(read, f"{path.name} ({form}, annotations with scores)", tuple(notes), absent_is_empty=True)


def _samples_of(images: Mapping[Any, str], truths: Truths) -> tuple[dict[Any, str], list[str]]:
    """Return image ID -> sample, and the file names of no sample."""
    names = truths.names
    found = {number: names.find(name) for number, name in images.items()}
    unknown = [images[number] for number, sample in found.items() if sample is None]
    return {number: sample for number, sample in found.items() if sample is not None}, unknown


def _parts(path: Path) -> tuple[dict[Any, str], dict[Any, str], list[Any]]:
    data = read_json(path)
    if not isinstance(data, dict):
        raise _wrong(path, None, "a list of results, or images, categories and annotations", data)
    tables: list[dict[Any, str]] = []
    for key, name in (("images", "file_name"), ("categories", "name")):
        table: dict[Any, str] = {}
        if not isinstance(data.get(key), list):
            raise _wrong(path, key, "a list", data.get(key))
        for position, row in enumerate(data[key]):
            right = isinstance(row, dict) and isinstance(row.get("id"), int | str) and isinstance(row.get(name), str)
            if not right or row["id"] in table:
                raise _wrong(path, f"{key}[{position}]", f"an ID of its own, and {name}", row)
            table[row["id"]] = row[name]
        tables.append(table)
    if not isinstance(data.get("annotations"), list):
        raise _wrong(path, "annotations", "a list", data.get("annotations"))
    return tables[0], tables[1], data["annotations"]


def _wrong(path: Path, place: str | None, expected: str, found: object) -> GoldenFormatError:
    return GoldenFormatError(
        "not COCO predictions",
        file=path,
        place=place,
        expected=expected,
        found="nothing" if found is None else shown(found),
        hint="COCO's results are a list of {image_id, category_id, bbox, score}",
    )
