"""The manifest of a golden dataset (`golden.yaml`, `.yml` or `.json`): its form."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.manifest_text import parse_manifest
from pytest_vizart.golden.manifest_values import (
    MAX_CLASSES,
    Bone,
    Classes,
    Color,
    NotNegative,
    Positive,
    Samples,
    Text,
    read_classes,
)
from pytest_vizart.records.labels import TASKS, Task

__all__ = [
    "MANIFEST_NAMES",
    "MAX_CLASSES",
    "Columns",
    "LabelEntry",
    "Manifest",
    "find_manifest",
    "load_manifest",
    "manifest_problems",
    "read_classes",
]

MANIFEST_NAMES: tuple[str, ...] = ("golden.yaml", "golden.yml", "golden.json")

ToleranceName = Literal["rtol", "atol", "psnr_db", "ssim", "distance_m", "cer", "wer"]
Tolerances = dict[ToleranceName, NotNegative]


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

    stage: Text = Field(
        description="Stage whose predictions these labels judge; several sources may share one, for other samples each."
    )
    task: Task = Field(description=f"What is predicted: {', '.join(TASKS)}.")
    path: Text = Field(
        description="Label file or folder, or a template with {id} in it, relative to the dataset's folder."
    )
    format: Text | None = Field(
        default=None, description="Format of the file; found from its extension and content if absent."
    )
    classes: Classes | None = Field(
        default=None, description="Classes of this source, where they differ from the dataset's."
    )
    kind: Literal["boxes", "segments", "poses", "oriented"] | None = Field(
        default=None, description="What the lines of YOLO files hold; from the task if absent."
    )
    ignore: int | None = Field(
        default=None,
        ge=-(2**31),
        le=2**32 - 1,
        description="Value in masks and point labels that means: no label here.",
    )
    colors: dict[str, Color] | None = Field(
        default=None,
        description='Class name to "#rrggbb", for masks that store colours; `ignore` for pixels without a label; PNG '
        "only.",
    )
    masks: Text | None = Field(
        default=None, description="Folder of the PNG files that a COCO panoptic file names; beside it if absent."
    )
    property: Text = Field(
        default="label",
        description="Name of what holds the class: the field of PLY, PCD, LAS, the array of NPZ, the field of rows "
        "that have named ones.",
    )
    instance_property: Text | None = Field(
        default=None, description="Name of the field or array that holds the instance; PLY, PCD, LAS and NPZ only."
    )
    columns: Columns = Field(default=Columns(), description="Names of the columns or keys; CSV and JSON Lines only.")
    model: Text | None = Field(
        default=None, description='Your Pydantic model of a JSON file, "package.module:Model"; format model only.'
    )
    pixels: Literal["zero-based", "one-based"] | None = Field(
        default=None,
        description="Whether corners in VOC files count pixels from 1 with the last one included, as VOC does (the "
        "default), or are plain coordinates from 0.",
    )
    box_format: Literal["xyxy", "xywh", "cxcywh"] = Field(
        default="xyxy", description="How boxes are written; CSV, JSON Lines and format model only."
    )
    score_threshold: float = Field(
        default=0.5, allow_inf_nan=False, description="Predictions under it do not count as correct or wrong."
    )
    iou_threshold: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Objects meet at this IoU (keypoints: OKS); a mask or points are wrong under this mean IoU.",
    )
    distance_threshold_m: Positive = Field(
        default=2.0, description="Cuboids meet at this distance of their centres, metres."
    )
    keypoints: list[Text] = Field(
        default_factory=list,
        description="Names of the keypoints, in the file's order; COCO: those of the file if absent; CVAT: those of "
        "the file's only skeleton if absent; YOLO: needed without kpt_shape in data.yaml.",
    )
    keypoint_sigmas: list[Positive] = Field(
        default_factory=list, description="Standard deviation of each keypoint, as COCO defines it for OKS."
    )
    skeleton: list[Bone] = Field(
        default_factory=list, description="Pairs of keypoint positions, from 0, that are drawn as bones."
    )
    tolerances: Tolerances = Field(
        default_factory=dict,
        description="How far a sample may be from its label and still be correct: rtol, atol, psnr_db, ssim, "
        "distance_m, cer, wer.",
    )
    device_tolerances: dict[Text, Tolerances] = Field(
        default_factory=dict,
        description='Tolerances that hold on a device instead: "cpu", "cuda", or a part of the GPU\'s name.',
    )
    correct_when: Text | None = Field(
        default=None,
        description='When a sample is correct, over its measures: "recall >= 0.9 and false_positives <= 1".',
    )


class RecordedEntry(_Model):
    """A stage without human labels, held to its recorded outputs."""

    stage: Text = Field(description="Stage whose outputs are recorded.")
    task: Literal["image", "text", "array"] = Field(description="What it gives: image, text or array.")
    tolerances: Tolerances = Field(default_factory=dict, description="As of `labels`.")
    device_tolerances: dict[Text, Tolerances] = Field(default_factory=dict, description="As of `labels`.")
    correct_when: Text | None = Field(default=None, description="As of `labels`.")


class Manifest(_Model):
    """What a golden dataset consists of."""

    samples: Samples = Field(
        description="File or glob of the inputs, or a list of them, relative to the dataset's folder."
    )
    labels: list[LabelEntry] = Field(description="Label sources, one or more for each stage.")
    recorded: list[RecordedEntry] = Field(
        default_factory=list,
        description="Stages that are held to their recorded outputs, below `recorded/`; see --vizart-update.",
    )
    name: Text | None = Field(default=None, description="Name of the dataset; its folder's if absent.")
    description: str | None = Field(default=None, description="What the data shows.")
    license: str | None = Field(default=None, description="Licence of the data.")
    source: str | None = Field(default=None, description="Where the data comes from.")
    provenance: dict[Text, str] = Field(
        default_factory=dict,
        description="Whatever else tells the data's origin: version, URL, annotators; text by name.",
    )
    classes: Classes | None = Field(
        default=None,
        description="Class names (IDs 0..n-1), or a mapping from ID to name; from the label files, where they name "
        "their classes, if absent.",
    )
    tags: dict[str, list[str]] = Field(
        default_factory=dict, description="Tag to the IDs, or globs of IDs, of its samples."
    )
    splits: dict[Text, list[str]] = Field(
        default_factory=dict,
        description="Split (train, val, ...) to the IDs, or globs of IDs, of its samples; no sample may be in two.",
    )

    @model_validator(mode="before")
    @classmethod
    def _recorded_is_enough(cls, data: Any) -> Any:
        return (
            {**data, "labels": []} if isinstance(data, dict) and data.get("recorded") and "labels" not in data else data
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
            (with the key's path, such as `labels[0].task`), or two keys contradict each other.
    """
    manifest, problems = manifest_problems(path)
    if manifest is None:
        raise problems[0] from None
    return manifest


def manifest_problems(path: Path) -> tuple[Manifest | None, list[GoldenFormatError]]:
    """Return the manifest, or None and all that is wrong with it, the most telling first."""
    from pytest_vizart.golden.manifest_checks import contradictions, format_errors

    try:
        manifest = Manifest.model_validate(parse_manifest(path))
    except GoldenFormatError as error:
        return None, [error]
    except ValidationError as error:
        return None, format_errors(
            path, error, {"labels": LabelEntry, "recorded": RecordedEntry, "columns": Columns, "": Manifest}
        )
    found = list(contradictions(path, manifest.labels, manifest.recorded))
    return (None, found) if found else (manifest, [])
