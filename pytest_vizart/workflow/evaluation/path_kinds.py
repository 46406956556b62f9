"""What a path of labels or predictions is: told by its extension and the beginning of its content, never guessed."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_vizart.errors import GoldenError, UsageError
from pytest_vizart.golden.files import is_file
from pytest_vizart.records.labels import Task

EXTENSIONS: dict[str, str] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".label": "semantickitti",
    ".las": "las",
    ".laz": "las",
    ".npy": "npy",
    ".npz": "npy",
    ".pcd": "pcd",
    ".ply": "ply",
    ".png": "png",
}
"""Formats that an extension alone tells."""

_PER_SAMPLE = {".xml": "voc", ".json": "labelme", ".bin": "lidarseg"}
"""Formats that are told by a path with {id}, as a manifest's are."""

_HEAD_BYTES = 1 << 16
_PICTURES = (".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".ppm", ".pgm")
_TASK_OF_FORMAT: dict[str, Task] = {
    "cvat": "boxes",
    "folders": "classes",
    "image": "image",
    "kitti": "boxes",
    "labelme": "boxes",
    "las": "points",
    "lidarseg": "points",
    "lvis": "boxes",
    "openimages": "boxes",
    "png": "semantic",
    "semantickitti": "points",
    "text": "text",
    "voc": "boxes",
    "yolo": "boxes",
}
_TASKS_OF_KEYS: tuple[tuple[re.Pattern[str], Task], ...] = (
    (re.compile(r'"(boxes|bboxes|bbox|objects)"\s*:'), "boxes"),
    (re.compile(r'"(text|words|transcription)"\s*:'), "text"),
    (re.compile(r'"(arrays?|values?)"\s*:'), "array"),
    (re.compile(r'"(label|class|category|class_name)"\s*:'), "classes"),
)
_BOX_COLUMNS = re.compile(r"(?i)(^|[,;\t])\s*(bbox|box|x|x1|xmin|x_min|left|cx|xc|x_center)\s*([,;\t]|$)")
_TEXT_COLUMN = re.compile(r"(?i)(^|[,;\t])\s*(text|words|transcription)\s*([,;\t\r\n]|$)")
_SEGMENTS = re.compile(r'"segments_info"\s*:')
_COCO = re.compile(r'"(images|annotations|categories)"\s*:\s*\[')
_SCORE = re.compile(r'"score"\s*:')
_LVIS = re.compile(r'"(neg_category_ids|not_exhaustive_category_ids)"\s*:')
_BOX = re.compile(r'"bbox"\s*:\s*\[\s*[-\d]')
_OUTLINE = re.compile(r'"segmentation"\s*:\s*(\[\s*\[|\{)')
_KEYPOINTS = re.compile(r'"keypoints"\s*:\s*\[\s*[-\d]')
_RESULT = re.compile(r'\s*\[\s*(\]|\{[^{}]*"(image_id|category_id)"\s*:)')


def label_format(path: Path) -> str:
    """Return the format of a label file; UsageError where only the caller can tell."""
    found = EXTENSIONS.get(path.suffix.lower())
    text = beginning(path)
    if found == "csv":
        return "openimages" if "ImageID" in text and "LabelName" in text else "csv"
    if found is not None:
        return found
    if "{id}" in str(path):  # a format of one file for each sample, whatever the files are called
        found = _PER_SAMPLE.get(path.suffix.lower())
        if found is not None:
            return found
    if path.suffix.lower() == ".json":
        if _COCO.search(text):
            return "lvis" if _LVIS.search(text) else "coco"
        if re.search(r'"shapes"\s*:', text):
            return "labelme"
    if path.suffix.lower() == ".xml":
        if "<annotations" in text:
            return "cvat"
        if "<annotation" in text:
            return "voc"
    raise unknown_labels(path, f"a file ending in {path.suffix}" if path.suffix else "a name without an extension")


def unknown_labels(path: Path, found: str, hint: str = "name it: --format NAME, format=...") -> UsageError:
    """The error for labels whose format only the caller can tell."""
    return UsageError(
        "format of the labels is not known",
        file=path,
        expected="coco, csv, jsonl, yolo, png, ... (docs/evaluate.md has all of them)",
        found=found,
        hint=hint,
    )


def label_task(form: str, path: Path, predicted: str | None) -> Task:
    """Return the task of label files, as their content or else the predictions' form (`predicted`) tells it."""
    text = beginning(path)
    found: object = _TASK_OF_FORMAT.get(form)
    if form == "coco":
        found = "panoptic" if _SEGMENTS.search(text) else predicted or _coco_task(text)
    elif form == "csv":
        head = text.split("\n", 1)[0]
        found = "boxes" if _BOX_COLUMNS.search(head) else "text" if _TEXT_COLUMN.search(head) else "classes"
    elif form == "jsonl":
        found = next((task for pattern, task in _TASKS_OF_KEYS if pattern.search(text.split("\n", 1)[0])), None)
    elif form == "lvis" and predicted == "instances":
        found = predicted
    if found is None:
        raise UsageError(
            "task is not known",
            file=path,
            expected="what the labels are: semantic, points, cloud, image, array, ...",
            found=f"format {form}, which holds several",
            hint="name it: --task NAME, task=...",
        )
    return found  # type: ignore[return-value]


def _coco_task(text: str) -> Task:
    """Boxes, where there are some: the numbers that most people mean by COCO's."""
    if _BOX.search(text):
        return "boxes"
    return "instances" if _OUTLINE.search(text) else "keypoints" if _KEYPOINTS.search(text) else "boxes"


def prediction_format(path: Path) -> str:
    """Return the format of predictions; UsageError where there are several readings, or none."""
    require_there(path, "predictions: a file, a folder, or a path with {id}")
    if path.is_dir() or "{id}" in str(path):
        return _folder_format(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return json_format(beginning(path), path)
    found = EXTENSIONS.get(suffix) or {".txt": "yolo", ".bin": "lidarseg"}.get(suffix)
    if found is None and suffix in _PICTURES:
        found = "image"
    if found is None:
        raise _unknown(path, f"a file ending in {suffix}" if suffix else "a name without an extension")
    return found


def require_there(path: Path, expected: str) -> None:
    """Raise GoldenError where nothing lies at a path, which may have {id} in it; a name that no file can have too."""
    try:
        there = "{id}" in str(path) or path.exists()
    except (OSError, ValueError):
        there = False
    if not there:
        raise GoldenError("no such file", file=str(path)[:500], expected=expected, hint="check the spelling")


def json_format(text: str, path: Path) -> str:
    """Return which JSON file of predictions it is by its beginning."""
    if _RESULT.match(text):
        return "coco"
    if _SEGMENTS.search(text):
        return "coco-panoptic"
    if _COCO.search(text):
        if _SCORE.search(text):
            return "coco"
        raise UsageError(
            "a COCO file without scores is ground truth, not predictions",
            file=path,
            expected="COCO's results: a list of {image_id, category_id, bbox, score}",
            found="images, annotations, categories",
            hint="were --labels and --predictions exchanged? or name the format: --predictions-format",
        )
    return "json"


def task_of_results(form: str, path: Path) -> Task | None:
    """Return the task that the predictions' form speaks for; None where it speaks for none, or for several."""
    if form == "coco":
        text = beginning(path)
        return _coco_task(text) if _RESULT.match(text) else "boxes"
    return {"png": "semantic", "coco-panoptic": "panoptic", "semantickitti": "points"}.get(form)  # type: ignore[return-value]


def beginning(path: Path) -> str:
    """Return the first 64 KiB of a file as text, "" where it cannot be read."""
    try:
        if not is_file(path):
            return ""
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return ""


def _folder_format(path: Path) -> str:
    if "{id}" in str(path):
        suffixes = {path.suffix.lower()}
    else:
        suffixes = {file.suffix.lower() for file in path.rglob("*") if is_file(file) and not file.name.startswith(".")}
    known = {suffix: _OF_FOLDER.get(suffix) or EXTENSIONS.get(suffix) for suffix in suffixes}
    formats = sorted({form for form in known.values() if form})
    if len(formats) == 1:
        return formats[0]
    raise _unknown(
        path, f"files of {', '.join(formats)}" if formats else f"files ending in {', '.join(sorted(suffixes))}"
    )


_OF_FOLDER = {".txt": "yolo", ".bin": "lidarseg", **dict.fromkeys(_PICTURES, "image")}


def _unknown(path: Path, found: str) -> UsageError:
    return UsageError(
        "format of the predictions is not known",
        file=path,
        expected="coco, coco-panoptic, yolo, boxes-text, jsonl, json, csv, png, npy, semantickitti, ply, pcd, las, "
        "lidarseg, image, text",
        found=found or "nothing",
        hint="name it: --predictions-format NAME, predictions_format=...",
    )
