"""The manifest of a golden dataset (`golden.yaml`, `.yml` or `.json`): its form, and errors that name the key."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.manifest_text import parse_manifest
from pytest_vizart.records.labels import ClassMap, Task

MANIFEST_NAMES: tuple[str, ...] = ("golden.yaml", "golden.yml", "golden.json")
MAX_CLASSES = 30_000
_MAX_ID = 2**31 - 1


def read_classes(value: object) -> ClassMap:
    """Return the class map of a list of names (IDs 0..n-1) or a mapping from ID to name, sorted by ID.

    Raises:
        PydanticCustomError: not such a list or mapping, a name that is no text, an ID or name that appears twice.
    """
    if isinstance(value, list):
        pairs = list(enumerate(value))
    elif isinstance(value, dict):
        pairs = sorted((_class_id(key), name) for key, name in value.items())
    else:
        raise _problem("expected a list of names or a mapping from ID to name")
    if not 0 < len(pairs) <= MAX_CLASSES:
        raise _problem(f"expected 1 to {MAX_CLASSES} classes")
    for position, name in pairs:
        if not isinstance(name, str) or not name.strip() or not _is_text(name):
            raise _problem(
                "expected a class name; quote names that YAML reads as something else, such as no, on, 1",
                f"[{position}]",
            )
    names = tuple(name for _, name in pairs)
    ids = tuple(number for number, _ in pairs)
    for kind, values in (("class", names), ("class ID", ids)):
        if len(set(values)) != len(values):
            twice = next(value for value in sorted(values) if values.count(value) > 1)
            raise _problem(f"expected every {kind} once, {twice!r} appears twice")
    return ClassMap(names=names, ids=ids)


def _is_text(name: str) -> bool:
    """Half a surrogate pair is no Unicode text: it can be neither written nor compared across files."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _class_id(key: object) -> int:
    # JSON has text keys only, so that "1" stands for 1 there.
    text = key if isinstance(key, str) else str(key)
    if isinstance(key, bool) or not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MAX_ID):
        raise _problem(f"expected whole numbers from 0 to {_MAX_ID} as class IDs", f"[{text[:40]}]")
    return int(text)


def _read_samples(value: object) -> tuple[str, ...]:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list) or not patterns:
        raise _problem("expected a file or glob, or a list of them")
    for position, pattern in enumerate(patterns):
        if not isinstance(pattern, str) or not pattern:
            raise _problem("expected a file or glob", f"[{position}]")
    return tuple(patterns)


def _problem(message: str, within: str = "") -> PydanticCustomError:
    return PydanticCustomError("vizart", "{message}", {"message": message, "within": within})


Classes = Annotated[
    ClassMap,
    PlainValidator(read_classes),
    PlainSerializer(lambda classes: [list(pair) for pair in zip(classes.ids, classes.names, strict=True)]),
]
Samples = Annotated[tuple[str, ...], PlainValidator(_read_samples), PlainSerializer(list)]
Text = Annotated[str, Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Columns(_Model):
    """Columns of a CSV file."""

    sample: Text | None = Field(
        default=None, description="Column that holds the sample's ID or file name; found by its usual names if absent."
    )
    label: Text | None = Field(
        default=None,
        description="Column that holds the class: its name, or its ID; found by its usual names if absent.",
    )


class LabelEntry(_Model):
    """Labels of one stage, from one file or one file for each sample."""

    stage: Text = Field(description="Stage whose predictions these labels judge.")
    task: Task = Field(description="What is predicted: classes, boxes, semantic or points.")
    path: Text = Field(description="Label file, or a template with {id} in it, relative to the dataset's folder.")
    format: Text | None = Field(
        default=None, description="coco, csv, png, ply; found from the file's extension if absent."
    )
    classes: Classes | None = Field(
        default=None, description="Classes of this source, where they differ from the dataset's."
    )
    ignore: int | None = Field(
        default=None,
        ge=-(2**31),
        le=2**32 - 1,
        description="Value in PNG masks and PLY labels that means: no label here.",
    )
    property: Text = Field(default="label", description="Name of the vertex property that holds the class; PLY only.")
    columns: Columns = Field(default=Columns(), description="Names of the columns; CSV only.")
    score_threshold: float = Field(
        default=0.5, allow_inf_nan=False, description="Predicted boxes under it do not count as correct or wrong."
    )
    iou_threshold: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Boxes meet at this IoU; a mask or cloud is wrong when its mean IoU is under it.",
    )


class Manifest(_Model):
    """What a golden dataset consists of."""

    samples: Samples = Field(
        description="File or glob of the inputs, or a list of them, relative to the dataset's folder."
    )
    labels: list[LabelEntry] = Field(min_length=1, description="Label sources, at most one for each stage.")
    name: Text | None = Field(default=None, description="Name of the dataset; its folder's if absent.")
    description: str | None = Field(default=None, description="What the data shows.")
    license: str | None = Field(default=None, description="Licence of the data.")
    source: str | None = Field(default=None, description="Where the data comes from.")
    classes: Classes | None = Field(
        default=None,
        description="Class names (IDs 0..n-1), or a mapping from ID to name; from the COCO file if absent.",
    )
    tags: dict[str, list[str]] = Field(
        default_factory=dict, description="Tag to the IDs, or globs of IDs, of its samples."
    )


def find_manifest(folder: Path) -> Path | None:
    """Return the manifest in a folder, None if there is none; GoldenFormatError if there are several."""
    found = [folder / name for name in MANIFEST_NAMES if (folder / name).is_file()]
    if len(found) > 1:
        raise GoldenFormatError(
            "several manifests in one dataset",
            file=folder,
            expected=f"one of {', '.join(MANIFEST_NAMES)}",
            found=", ".join(path.name for path in found),
            hint="keep one of them",
        )
    return found[0] if found else None


def load_manifest(path: Path) -> Manifest:
    """Return the checked manifest.

    Raises:
        GoldenFormatError: the text cannot be parsed (with its line), or a key is missing, unknown or of the wrong kind
            (with the key's path, such as `labels[0].task`).
    """
    data = parse_manifest(path)
    try:
        manifest = Manifest.model_validate(data)
    except ValidationError as error:
        raise _as_format_error(path, error) from None
    stages = [entry.stage for entry in manifest.labels]
    for position, stage in enumerate(stages):
        if stage in stages[:position]:
            raise GoldenFormatError(
                "stage has labels already",
                file=path,
                place=f"labels[{position}].stage",
                expected="one label source for each stage",
                found=stage,
                hint=f"rename the stage, or remove labels[{stages.index(stage)}]",
            )
    return manifest


def _as_format_error(path: Path, error: ValidationError) -> GoldenFormatError:
    # A misspelt key is reported as unknown and its right name as missing: the first tells more.
    details = error.errors(include_url=False)
    detail = next((one for one in details if one["type"] == "extra_forbidden"), details[0])
    place = _key_path(detail["loc"]) + str(detail.get("ctx", {}).get("within", ""))
    if detail["type"] == "extra_forbidden":
        return _unknown_key(path, place, detail)
    if detail["type"] == "missing":
        field = _fields_at(detail["loc"])[str(detail["loc"][-1])]
        return GoldenFormatError("key is missing", file=path, place=place, hint=f"add it: {field.description}")
    return _wrong_value(path, place, detail)


def _unknown_key(path: Path, place: str, detail: ErrorDetails) -> GoldenFormatError:
    known = list(_fields_at(detail["loc"]))
    close = get_close_matches(str(detail["loc"][-1]), known, n=1)
    return GoldenFormatError(
        "unknown key",
        file=path,
        place=place,
        expected=", ".join(known),
        found=str(detail["loc"][-1]),
        hint=f"did you mean {close[0]!r}?" if close else "remove it",
    )


def _wrong_value(path: Path, place: str, detail: ErrorDetails) -> GoldenFormatError:
    context = detail.get("ctx", {})
    expected = str(context.get("expected") or context.get("message") or detail["msg"]).removeprefix("expected ")
    found = detail["input"]
    choices = expected.replace("'", "").replace(" or ", ", ").split(", ")
    close = (
        get_close_matches(found, choices, n=1) if isinstance(found, str) and detail["type"] == "literal_error" else []
    )
    field = _fields_at(detail["loc"]).get(str(detail["loc"][-1]))
    described = (
        field.description if field is not None and field.description else "see the documentation of the manifest"
    )
    hint = f"did you mean {close[0]!r}?" if close else described
    return GoldenFormatError("wrong value", file=path, place=place, expected=expected, found=found, hint=hint)


def _fields_at(location: tuple[int | str, ...]) -> dict[str, Any]:
    if "columns" in location[:-1]:
        return dict(Columns.model_fields)
    inside_label = len(location) > 2 and location[0] == "labels"
    return dict(LabelEntry.model_fields if inside_label else Manifest.model_fields)


def _key_path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path
