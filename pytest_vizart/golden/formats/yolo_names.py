"""Class names beside YOLO labels: data.yaml (Ultralytics), obj.names (Darknet), classes.txt (labelImg)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic_core import PydanticCustomError

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import is_file, read_text, require_inside
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.manifest_text import parse_manifest
from pytest_vizart.golden.manifest_values import read_classes
from pytest_vizart.records.labels import ClassMap

_YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml")
_TEXT_NAMES = ("obj.names", "classes.txt")
_MAX_NAMES_BYTES = 10_000_000
MAX_KEYPOINTS = 10_000


@dataclass(frozen=True, slots=True)
class YoloNames:
    """What stands beside the labels. keypoints: number of keypoints and of values for each, 2 or 3 (`kpt_shape`)."""

    path: Path
    classes: ClassMap | None
    keypoints: tuple[int, int] | None


def find_names(root: Path, folder: Path, *, manifest: Path, place: str) -> YoloNames | None:
    """Return what the nearest folder says that has such files: `folder`, then those above it up to `root`.

    Args:
        manifest, place: where the labels are named, for the message of a link that leads out of the dataset.

    Raises:
        GoldenFormatError: a file cannot be read, or two in one folder name the classes differently.
    """
    while True:
        paths = [folder / name for name in (*_YAML_NAMES, *_TEXT_NAMES) if is_file(folder / name)]
        require_inside(root, paths, file=manifest, place=place)
        found = [names for path in paths if (names := _read(path)).classes is not None or names.keypoints is not None]
        if found:
            _require_agreement(found)
            return found[0]
        if folder == root or root not in folder.parents:
            return None
        folder = folder.parent


def contradiction(names: YoloNames, classes: ClassMap) -> GoldenFormatError | None:
    """Return the error where the manifest gives a name of the file to another number.

    Classes of YOLO files are numbers only; a manifest with COCO's IDs would shift all of them without a sign.
    """
    if names.classes is None:
        return None
    given = dict(zip(classes.names, classes.ids, strict=True))
    for number, name in zip(names.classes.ids, names.classes.names, strict=True):
        if given.get(name, number) != number:
            return GoldenFormatError(
                "class numbers contradict the manifest",
                file=names.path,
                place=name,
                expected=f"{given[name]}, as `classes` in the manifest",
                found=str(number),
                hint="give this source `classes` of its own, numbered as the labels are",
            )
    return None


def _require_agreement(found: list[YoloNames]) -> None:
    first = found[0]
    for other in found[1:]:
        if first.classes is not None and other.classes is not None and first.classes.names != other.classes.names:
            raise GoldenFormatError(
                "two files name the classes differently",
                file=other.path,
                expected=f"the names of {first.path.name}",
                found=", ".join(other.classes.names[:8]),
                hint="remove one, or give `classes` to the label source in the manifest",
            )


def _read(path: Path) -> YoloNames:
    return _read_yaml(path) if path.name in _YAML_NAMES else _read_text(path)


def _read_yaml(path: Path) -> YoloNames:
    data = parse_manifest(path)
    classes = _classes(data["names"], path, "names") if "names" in data else None
    return YoloNames(path, classes, _keypoints(data["kpt_shape"], path) if "kpt_shape" in data else None)


def _read_text(path: Path) -> YoloNames:
    names = [line.strip() for line in read_text(path, limit=_MAX_NAMES_BYTES).rstrip().split("\n")]
    return YoloNames(path, _classes(names, path, "line") if any(names) else None, None)


def _classes(value: object, path: Path, place: str) -> ClassMap:
    try:
        return read_classes(value)
    except PydanticCustomError as error:
        context = error.context or {}
        raise GoldenFormatError(
            "not the names of classes",
            file=path,
            place=f"{place}{context.get('within', '')}",
            expected=str(context.get("message", "")).removeprefix("expected "),
            hint="correct the file, or give `classes` in the manifest and remove it",
        ) from error


def _keypoints(value: object, path: Path) -> tuple[int, int]:
    match value:
        case [int(count), int(values)] if 0 < count <= MAX_KEYPOINTS and values in (2, 3):
            return count, values
    raise GoldenFormatError(
        "not the shape of keypoints",
        file=path,
        place="kpt_shape",
        expected="[number of keypoints, 2 or 3]",
        found=shown(value),
        hint="3 is x, y, visibility",
    )
