"""Which files are the samples of a dataset, and how they are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import is_file, require_inside, resolve_inside
from pytest_vizart.golden.manifest import MANIFEST_NAMES

_GLOB_SIGNS = re.compile(r"[*?\[]")
_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class SampleKey:
    """One sample before its file is opened.

    `relative_path` is relative to the dataset's folder, `inner_path` to the fixed part of the glob that found it.
    """

    id: str
    path: Path
    relative_path: str
    inner_path: str
    tags: tuple[str, ...] = ()


def list_samples(root: Path, patterns: Sequence[str], *, manifest: Path) -> tuple[SampleKey, ...]:
    """Return the samples in natural order of their IDs (`tile_2` before `tile_10`); no file is opened.

    An ID is the path relative to the glob's fixed part, without extension; with it where two would be equal; relative
    to the dataset where that is not enough.

    Raises:
        GoldenFormatError: a file or glob leads out of the dataset, or matches nothing.
    """
    inner_paths: dict[Path, str] = {}
    for position, pattern in enumerate(patterns):
        place = "samples" if len(patterns) == 1 else f"samples[{position}]"
        prefix, files = _matching(root, pattern, manifest=manifest, place=place)
        for path in files:
            inner_paths.setdefault(path, path.relative_to(prefix).as_posix())
    for path in inner_paths:
        _require_readable_name(path, manifest)
    ids = _unique_ids(root, inner_paths)
    keys = [SampleKey(ids[path], path, path.relative_to(root).as_posix(), inner) for path, inner in inner_paths.items()]
    return tuple(sorted(keys, key=lambda key: (natural_key(key.id), key.id)))


def natural_key(text: str) -> tuple[tuple[int, int | str], ...]:
    """Sort key under which runs of digits compare as numbers."""
    parts = _DIGITS.split(text)
    return tuple((0, int(part)) if position % 2 else (1, part) for position, part in enumerate(parts) if part)


def tags_of(ids: Sequence[str], tags: dict[str, list[str]], *, manifest: Path) -> dict[str, tuple[str, ...]]:
    """Return the tags of each sample; GoldenFormatError where a tag names an ID, or a glob, that no sample has."""
    found: dict[str, list[str]] = {sample_id: [] for sample_id in ids}
    for tag, patterns in tags.items():
        for position, pattern in enumerate(patterns):
            # An ID may hold a bracket: the exact name goes before the glob.
            matching = [pattern] if pattern in found else [one for one in ids if fnmatchcase(one, pattern)]
            if not matching:
                raise GoldenFormatError(
                    "no sample of that ID",
                    file=manifest,
                    place=f"tags.{tag}[{position}]",
                    expected="the ID of a sample, or a glob of IDs",
                    found=pattern,
                    hint=f"IDs look like {ids[0]!r}",
                )
            for sample_id in matching:
                if tag not in found[sample_id]:
                    found[sample_id].append(tag)
    return {sample_id: tuple(names) for sample_id, names in found.items()}


def _matching(root: Path, pattern: str, *, manifest: Path, place: str) -> tuple[Path, list[Path]]:
    """Return the fixed part of the pattern and the files that match."""
    literal = resolve_inside(root, pattern, file=manifest, place=place)
    if is_file(literal):
        return literal.parent, [literal]
    parts = PurePosixPath(pattern).parts
    fixed = next((position for position, part in enumerate(parts) if _GLOB_SIGNS.search(part)), len(parts))
    files: list[Path] = []
    if fixed < len(parts):
        try:
            files = [path for path in root.glob(pattern) if is_file(path) and path.name not in MANIFEST_NAMES]
        except (ValueError, OSError) as error:
            raise GoldenFormatError(
                "not a glob",
                file=manifest,
                place=place,
                found=f"{pattern}: {error}",
                hint="** stands alone between slashes",
            ) from error
    if not files:
        raise GoldenFormatError(
            "no such file" if fixed == len(parts) else "no file matches",
            file=manifest,
            place=place,
            expected=f"input files under {root}",
            found=pattern,
            hint="check the spelling; were the files fetched?",
        )
    require_inside(root, files, file=manifest, place=place)
    return root.joinpath(*parts[:fixed]), files


def _require_readable_name(path: Path, manifest: Path) -> None:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise GoldenFormatError(
            "file name is not UTF-8", file=manifest, place="samples", found=ascii(str(path)), hint="rename the file"
        ) from error


def _unique_ids(root: Path, inner_paths: dict[Path, str]) -> dict[Path, str]:
    candidates = {
        path: (PurePosixPath(inner).with_suffix("").as_posix(), inner, path.relative_to(root).as_posix())
        for path, inner in inner_paths.items()
    }
    level = dict.fromkeys(candidates, 0)
    while True:
        ids = {path: names[level[path]] for path, names in candidates.items()}
        times = Counter(ids.values())
        raised = [path for path, name in ids.items() if times[name] > 1 and level[path] < 2]
        if not raised:
            return ids
        for path in raised:
            level[path] += 1
