"""COCO's panoptic results: a JSON file about segments beside a folder of PNG files, IDs as R + 256 G + 65536 B."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import resolve_inside
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.formats.color_masks import packed
from pytest_vizart.golden.inputs import load_image
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import Label
from pytest_vizart.workflow.evaluation.notes import unknown_notes
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.predictions import Predictions, require_task
from pytest_vizart.workflow.evaluation.predictions.json_file import read_json
from pytest_vizart.workflow.evaluation.predictions.values import ValueReader
from pytest_vizart.workflow.evaluation.truths import Truths

Row = tuple[str, dict[str, Any]]


def open_panoptic(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """Open such a file; the PNG files lie in the folder that is called like it, or beside it."""
    require_task(form, truths, path, ("panoptic",))
    rows, unknown = _rows(path, truths)
    folder = path.with_suffix("") if path.with_suffix("").is_dir() else path.parent
    reader = ValueReader(truths, options, path)

    def read(key: SampleKey, label: Label) -> Prediction | None:
        if key.id not in rows:
            return None
        place, row = rows[key.id]
        name = row.get("file_name") or f"{PurePosixPath(key.inner_path).stem}.png"
        if not isinstance(name, str):
            raise _wrong(path, f"{place}.file_name", "the name of a PNG file", name)
        png = resolve_inside(folder, name, file=path, place=f"{place}.file_name")
        pixels = load_image(png)
        segments = packed(pixels, "bgr") if pixels.ndim == 3 else pixels.astype(np.int64)
        value = {"segments": segments, "classes": _classes(row, path, place, reader)}
        return reader.read(value, label, place, class_numbers="id")

    notes = unknown_notes(unknown, len(rows), path, "image")
    return Predictions(read, f"{path.name} ({form})", notes)


def _rows(path: Path, truths: Truths) -> tuple[dict[str, Row], list[object]]:
    data = read_json(path)
    annotations = data.get("annotations") if isinstance(data, dict) else data
    if not isinstance(annotations, list):
        raise _wrong(path, "annotations", "a list", annotations)
    names = truths.names
    rows: dict[str, Row] = {}
    unknown: list[object] = []
    for position, row in enumerate(annotations):
        place = f"annotations[{position}]"
        if not isinstance(row, dict) or not isinstance(row.get("image_id"), int | str):
            raise _wrong(path, place, "image_id, file_name and segments_info", row)
        number = row["image_id"]
        sample = truths.image_ids.get(number) or names.find(str(number)) or names.find(str(row.get("file_name", "")))
        if sample is None:
            unknown.append(number)
        elif sample in rows:
            raise _wrong(path, place, "each image once", number)
        else:
            rows[sample] = (place, row)
    return rows, unknown


def _classes(row: dict[str, Any], path: Path, place: str, reader: ValueReader) -> dict[int, Any]:
    infos = row.get("segments_info")
    if not isinstance(infos, list):
        raise _wrong(path, f"{place}.segments_info", "a list", infos)
    classes: dict[int, Any] = {}
    for position, info in enumerate(infos):
        here = f"{place}.segments_info[{position}]"
        right = isinstance(info, dict) and isinstance(info.get("id"), int) and isinstance(info.get("category_id"), int)
        if not right or info["id"] in classes:
            raise _wrong(path, here, "an id of its own, and a category_id", info)
        classes[info["id"]] = reader.classes([info["category_id"]], here)[0]
    return classes


def _wrong(path: Path, place: str, expected: str, found: object) -> GoldenFormatError:
    return GoldenFormatError(
        "not COCO's panoptic results",
        file=path,
        place=place,
        expected=expected,
        found="nothing" if found is None else shown(found),
        hint="see https://cocodataset.org/#format-results",
    )
