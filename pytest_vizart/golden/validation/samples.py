"""Samples among themselves: the same content twice, splits that share images, label files without a sample."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import content_digest, is_file, is_folder, read_bytes
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.csv_table import USUAL_SAMPLE_NAMES
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.listing import SampleKey, natural_key
from pytest_vizart.golden.manifest import MANIFEST_NAMES
from pytest_vizart.golden.opening import Opened
from pytest_vizart.golden.validation.findings import Finding, finding

_NO_LABELS = frozenset(
    {*MANIFEST_NAMES, "baseline.json", "classes.txt", "obj.names", "train.txt", "val.txt", "test.txt"}
)
_CVAT_IMAGE = re.compile(r'<image\s[^>]{0,400}?\bname="([^"]*)"')
_MAX_BYTES = 150_000_000
_TABLE_COLUMNS = ("ImageID", *USUAL_SAMPLE_NAMES)
_SHOWN = 5


def same_content(opened: Opened) -> Iterator[Finding]:
    """Yield inputs of the same content; as leakage where two splits have them."""
    for keys in _groups(opened.keys):
        names = ", ".join(key.relative_path for key in keys)
        splits = sorted({split for key in keys for split in key.splits})
        first, other = keys[0], keys[1]
        if len(splits) > 1:
            yield finding(
                "leakage", other.path, f"{names} have the same content and lie in splits {', '.join(splits)}",
                hint="keep it in one split", sample=other.id,
            )  # fmt: skip
        differing = [stage for stage in opened.store.specs if _labels_differ(opened, stage, keys)]
        if differing:
            yield finding(
                "contradicting-labels", other.path,
                f"{names} have the same content and different labels of stage {', '.join(differing)}",
                hint="correct one of them, and remove the other", sample=other.id, stage=differing[0],
            )  # fmt: skip
        elif len(splits) < 2:
            yield finding(
                "duplicate-input", other.path, f"same content as {first.relative_path}"
                + (f", and {len(keys) - 2} more" if len(keys) > 2 else ""),
                hint="remove all but one: a sample that counts twice weighs twice", sample=other.id,
            )  # fmt: skip


def _groups(keys: tuple[SampleKey, ...]) -> list[list[SampleKey]]:
    """Samples of the same content; only files of the same size are opened."""
    by_size: dict[int, list[SampleKey]] = {}
    for key in keys:
        try:
            by_size.setdefault(key.path.stat().st_size, []).append(key)
        except OSError:
            continue
    by_content: dict[str, list[SampleKey]] = {}
    for same_size in by_size.values():
        if len(same_size) > 1:
            for key in same_size:
                try:
                    by_content.setdefault(content_digest(key.path), []).append(key)
                except GoldenFormatError:
                    continue
    return [group for group in by_content.values() if len(group) > 1]


def _labels_differ(opened: Opened, stage: str, keys: list[SampleKey]) -> bool:
    digests = set()
    for key in keys:
        try:
            digests.add(opened.store.digest(stage, key))
        except (GoldenFormatError, KeyError):
            continue
    return len(digests - {None}) > 1


def splits(opened: Opened) -> Iterator[Finding]:
    """Yield samples in two splits, and those in none."""
    if not opened.manifest.splits:
        return
    without = [key.id for key in opened.keys if not key.splits]
    for key in opened.keys:
        if len(key.splits) > 1:
            yield finding(
                "leakage", opened.manifest_path, f"sample {key.id} is in splits {', '.join(key.splits)}",
                place="splits", hint="correct the globs", sample=key.id,
            )  # fmt: skip
    if without:
        more = f" and {len(without) - _SHOWN} more" if len(without) > _SHOWN else ""
        yield finding(
            "unsplit", opened.manifest_path,
            f"{len(without)} samples are in no split: {', '.join(without[:_SHOWN])}{more}",
            place="splits", hint="add them to one, or take them out of `samples`",
        )  # fmt: skip


def labels_without_inputs(source: LabelSource, ids: frozenset[str]) -> Iterator[Finding]:
    """Yield label files, or images that a label file names, that belong to no sample.

    Args:
        ids: of all samples.
    """
    if source.per_sample:
        yield from _orphans(source, ids)
        return
    names = _NAMED.get(source.entry.format or PurePosixPath(source.entry.path).suffix.lower().lstrip("."))
    if names is None:
        return
    path = source.root / source.entry.path
    try:
        text = read_bytes(path, limit=_MAX_BYTES).decode("utf-8-sig", "replace")
    except GoldenFormatError:
        return
    samples = SampleNames(source.samples)
    folders = {source.root, *(key.path.parent for key in source.samples)}
    told: set[str] = set()
    for place, name in names(text):
        if name in told or samples.exact(name) or samples.by_file_name(name):
            continue
        told.add(name)
        if not any(is_file(folder / PurePosixPath(name.replace("\\", "/")).name) for folder in folders):
            yield finding(
                "missing-image", path, f"there is no image {name[:200]!r}", place=place,
                hint="was it fetched? otherwise remove it from the label file",
            )  # fmt: skip


def _orphans(source: LabelSource, ids: frozenset[str]) -> Iterator[Finding]:
    """Label files whose ID is no sample's."""
    before, _, after = source.entry.path.partition("{id}")
    folder, _, prefix = before.rpartition("/")
    top = source.root / folder
    if "{id}" in after or "/" in after or not is_folder(top):
        return
    inputs = {key.path for key in source.samples}
    found = top.glob(f"*{after}") if top == source.root else top.rglob(f"*{after}")
    for path in sorted(found, key=lambda one: natural_key(str(one))):
        name = path.relative_to(top).as_posix()
        own_id = name.removeprefix(prefix).removesuffix(after)
        if own_id not in ids and name.startswith(prefix) and path.name not in _NO_LABELS and path not in inputs:
            yield finding(
                "label-without-image", path, f"no sample has ID {own_id!r}",
                hint="was its input fetched? otherwise remove the file, or widen `samples`",
            )  # fmt: skip


def _in_table(text: str) -> Iterator[tuple[str, str]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        column = next((name for name in _TABLE_COLUMNS if name in (rows.fieldnames or ())), None)
        for row in rows:
            if column is not None and (name := (row[column] or "").strip()):
                yield f"line {rows.line_num}", name
    except csv.Error:
        return


def _in_cvat(text: str) -> Iterator[tuple[str, str]]:
    return ((f"image {name!r}", name) for name in _CVAT_IMAGE.findall(text))


_NAMED: dict[str, Callable[[str], Iterator[tuple[str, str]]]] = {
    "csv": _in_table,
    "openimages": _in_table,
    "cvat": _in_cvat,
}
