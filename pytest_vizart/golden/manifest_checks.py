"""What is wrong with a manifest, in the words of its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.manifest_values import NAME

if TYPE_CHECKING:
    from pytest_vizart.golden.manifest import LabelEntry, RecordedEntry

Models = Mapping[str, type[BaseModel]]

STAGE_SETTINGS = (
    "score_threshold",
    "iou_threshold",
    "distance_threshold_m",
    "keypoints",
    "keypoint_sigmas",
    "skeleton",
    "tolerances",
    "device_tolerances",
    "correct_when",
)
"""Keys of a label source that hold for its whole stage: sources of one stage must not contradict each other here."""


def contradictions(
    path: Path, labels: Sequence[LabelEntry], recorded: Sequence[RecordedEntry]
) -> Iterator[GoldenFormatError]:
    """Yield what is wrong between label sources of one stage, and between the keys of one source."""
    yield from _recorded_twice(path, labels, recorded)
    by_stage: dict[str, list[tuple[int, LabelEntry]]] = {}
    for position, entry in enumerate(labels):
        earlier = by_stage.setdefault(entry.stage, [])
        for other_position, other in earlier:
            yield from _between(path, position, entry, other_position, other)
        earlier.append((position, entry))
        yield from _keypoint_problems(path, f"labels[{position}]", entry)


def _recorded_twice(
    path: Path, labels: Sequence[LabelEntry], recorded: Sequence[RecordedEntry]
) -> Iterator[GoldenFormatError]:
    taken = {entry.stage: "labels" for entry in labels}
    for position, entry in enumerate(recorded):
        place = f"recorded[{position}].stage"
        if entry.stage in taken:
            yield GoldenFormatError(
                "stage is held to something already",
                file=path,
                place=place,
                expected="a stage of its own",
                found=f"{entry.stage}, also in {taken[entry.stage]}",
                hint="remove one of the two",
            )
        if not NAME.fullmatch(entry.stage):
            yield GoldenFormatError(
                "no folder can be called so",
                file=path,
                place=place,
                expected="letters, digits, _, - and ., at most 64",
                found=entry.stage,
                hint="rename the stage",
            )
        taken[entry.stage] = f"recorded[{position}]"


def _between(
    path: Path, position: int, entry: LabelEntry, other_position: int, other: LabelEntry
) -> Iterator[GoldenFormatError]:
    if entry.task != other.task:
        yield GoldenFormatError(
            "stage has another task already",
            file=path,
            place=f"labels[{position}].task",
            expected=f"{other.task}, as in labels[{other_position}]",
            found=entry.task,
            hint=f"rename the stage, or remove labels[{other_position}]",
        )
    elif entry.path == other.path:
        yield GoldenFormatError(
            "stage has these labels already",
            file=path,
            place=f"labels[{position}].stage",
            expected="every label file once for each stage",
            found=entry.stage,
            hint=f"rename the stage, or remove labels[{other_position}]",
        )
    for name in STAGE_SETTINGS:
        both_set = name in entry.model_fields_set and name in other.model_fields_set
        if both_set and getattr(entry, name) != getattr(other, name):
            yield GoldenFormatError(
                "sources of one stage contradict each other",
                file=path,
                place=f"labels[{position}].{name}",
                expected=f"{getattr(other, name)}, as in labels[{other_position}]",
                found=getattr(entry, name),
                hint=f"stage {entry.stage} has one {name}: give it in one of its sources",
            )


def _keypoint_problems(path: Path, place: str, entry: LabelEntry) -> Iterator[GoldenFormatError]:
    names, sigmas = entry.keypoints, entry.keypoint_sigmas
    if names and sigmas and len(names) != len(sigmas):
        yield GoldenFormatError(
            "not one standard deviation for each keypoint",
            file=path,
            place=f"{place}.keypoint_sigmas",
            expected=f"{len(names)} numbers, as many as keypoints",
            found=len(sigmas),
            hint="complete the list, or leave it out",
        )
    count = len(names) or len(sigmas)
    for position, bone in enumerate(entry.skeleton):
        if min(bone) < 0 or (count and max(bone) >= count):
            yield GoldenFormatError(
                "bone between keypoints that are not there",
                file=path,
                place=f"{place}.skeleton[{position}]",
                expected=f"positions from 0 to {count - 1}" if count else "positions from 0",
                found=list(bone),
                hint="positions count from 0; COCO files count them from 1",
            )


def format_errors(path: Path, error: ValidationError, models: Models) -> list[GoldenFormatError]:
    """Return the problems that Pydantic found, unknown keys first: a misspelt key is reported as unknown and its right
    name as missing, of which the first tells more.

    Args:
        models: key of a part of the manifest -> its model, "" for the manifest itself.
    """
    details = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    found = []
    for detail in details:
        place = _key_path(detail["loc"]) + str(detail.get("ctx", {}).get("within", ""))
        fields = _fields_at(detail["loc"], models)
        make = _MAKERS.get(detail["type"], _wrong_value)
        found.append(make(path, place, detail, fields))
    return found


def _last(detail: ErrorDetails) -> str:
    """The key itself; empty where what is wrong is the manifest as a whole."""
    return str(detail["loc"][-1]) if detail["loc"] else ""


def _missing_key(path: Path, place: str, detail: ErrorDetails, fields: dict[str, Any]) -> GoldenFormatError:
    field = fields.get(_last(detail))  # None for a part of a value, such as the second end of a bone
    return GoldenFormatError(
        "key is missing" if field is not None else "value is incomplete",
        file=path,
        place=place,
        expected="a value",
        found="nothing",
        hint=f"add it: {field.description}" if field is not None else "see the documentation of the manifest",
    )


def _unknown_key(path: Path, place: str, detail: ErrorDetails, fields: dict[str, Any]) -> GoldenFormatError:
    close = get_close_matches(_last(detail), fields, n=1)
    return GoldenFormatError(
        "unknown key",
        file=path,
        place=place,
        expected=", ".join(fields),
        found=_last(detail),
        hint=f"did you mean {close[0]!r}?" if close else "remove it",
    )


def _wrong_value(path: Path, place: str, detail: ErrorDetails, fields: dict[str, Any]) -> GoldenFormatError:
    context = detail.get("ctx", {})
    expected = str(context.get("expected") or context.get("message") or detail["msg"]).removeprefix("expected ")
    found = detail["input"]
    choices = expected.replace("'", "").replace(" or ", ", ").split(", ")
    close = (
        get_close_matches(found, choices, n=1) if isinstance(found, str) and detail["type"] == "literal_error" else []
    )
    field = fields.get(_last(detail))
    described = (
        field.description if field is not None and field.description else "see the documentation of the manifest"
    )
    hint = f"did you mean {close[0]!r}?" if close else described
    return GoldenFormatError("wrong value", file=path, place=place, expected=expected, found=found, hint=hint)


_MAKERS = {"extra_forbidden": _unknown_key, "missing": _missing_key}


def _fields_at(location: tuple[int | str, ...], models: Models) -> dict[str, Any]:
    if "columns" in location[:-1]:
        return dict(models["columns"].model_fields)
    inside_label = len(location) > 2 and location[0] == "labels"
    return dict(models["labels" if inside_label else ""].model_fields)


def _key_path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if part != "[key]":  # Pydantic's word for: the key itself is wrong, not its value
            path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path
