"""Which files are the samples of a dataset, and how they are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path, PurePosixPath

from pytest_vizart.errors import GoldenFormatError, VizartError
from pytest_vizart.golden.files import is_file, require_inside, resolve_inside
from pytest_vizart.golden.manifest import MANIFEST_NAMES

_GLOB_SIGNS = re.compile(r"[*?\[]")
_DIGITS = re.compile(r"([0-9]+)")

Report = Callable[[VizartError], None]
"""Takes what is wrong with one part of a dataset; what it does not raise is left out, so that all problems are told."""


def raise_it(error: VizartError) -> None:
    """Raise the first problem, as loading a dataset does."""
    __tracebackhide__ = True
    raise error


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
    splits: tuple[str, ...] = ()


def list_samples(
    root: Path, patterns: Sequence[str], *, manifest: Path, report: Report = raise_it
) -> tuple[SampleKey, ...]:
    """Return the samples in natural order of their IDs (`tile_2` before `tile_10`); no file is opened.

    An ID is the path relative to the glob's fixed part, without extension; with it where two would be equal; relative
    to the dataset where that is not enough.

    Raises:
        GoldenFormatError: a file or glob leads out of the dataset, or matches nothing.
    """
    inner_paths: dict[Path, str] = {}
    for position, pattern in enumerate(patterns):
        place = "samples" if len(patterns) == 1 else f"samples[{position}]"
        try:
            prefix, files = _matching(root, pattern, manifest=manifest, place=place)
        except GoldenFormatError as error:
            report(error)
            continue
        start = len(str(prefix)) + 1
        for path in files:
            if path not in inner_paths and _is_readable_name(path, manifest, report):
                inner_paths[path] = str(path)[start:].replace("\\", "/")
    start = len(str(root)) + 1
    relative = {path: str(path)[start:].replace("\\", "/") for path in inner_paths}
    ids = _unique_ids(inner_paths, relative)
    keys = [SampleKey(ids[path], path, relative[path], inner) for path, inner in inner_paths.items()]
    return tuple(sorted(keys, key=lambda key: (natural_key(key.id), key.id)))


def natural_key(text: str) -> tuple[tuple[int, int | str], ...]:
    """Sort key under which runs of digits compare as numbers."""
    parts = _DIGITS.split(text)
    return tuple((0, int(part)) if position % 2 else (1, part) for position, part in enumerate(parts) if part)


def groups_of(
    ids: Sequence[str], groups: Mapping[str, Sequence[str]], *, key: str, manifest: Path, report: Report = raise_it
) -> dict[str, tuple[str, ...]]:
    """Return the groups of each sample, in the manifest's order.

    Args:
        groups: name -> IDs, or globs of IDs.
        key: the manifest's key that holds them, `tags` or `splits`.

    Raises:
        GoldenFormatError: a group names an ID, or a glob, that no sample has.
    """
    found: dict[str, list[str]] = {sample_id: [] for sample_id in ids}
    for group, patterns in groups.items():
        for position, pattern in enumerate(patterns):
            # An ID may hold a bracket: the exact name goes before the glob.
            matching = [pattern] if pattern in found else _fitting(ids, pattern)
            if not matching:
                report(
                    GoldenFormatError(
                        "no sample of that ID",
                        file=manifest,
                        place=f"{key}.{group}[{position}]",
                        expected="the ID of a sample, or a glob of IDs",
                        found=pattern,
                        hint=f"IDs look like {ids[0]!r}" if ids else "there are no samples",
                    )
                )
            for sample_id in matching:
                if group not in found[sample_id][-1:]:  # groups come one after the other
                    found[sample_id].append(group)
    return {sample_id: tuple(names) for sample_id, names in found.items()}


def require_all_inside(root: Path, paths: Iterable[Path], *, file: Path, place: str) -> None:
    """Raise GoldenFormatError if one of the files lies outside of `root`; each folder on the way is looked at once."""
    files = list(paths)
    links = [path for path in files if path.is_symlink()]
    require_inside(root, [*{path.parent: None for path in files}, *links], file=file, place=place)


def _fitting(ids: Sequence[str], pattern: str) -> list[str]:
    fits = re.compile(translate(pattern)).match
    return [one for one in ids if fits(one)]


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
        except (ValueError, OSError, RecursionError) as error:
            raise GoldenFormatError(
                "not a glob",
                file=manifest,
                place=place,
                expected="a path with *, ? or ** in it",
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
    require_all_inside(root, files, file=manifest, place=place)
    return root.joinpath(*parts[:fixed]), files


def _is_readable_name(path: Path, manifest: Path, report: Report) -> bool:
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        report(
            GoldenFormatError(
                "file name is not UTF-8",
                file=manifest,
                place="samples",
                expected="names in UTF-8",
                found=ascii(str(path)),
                hint="rename the file",
            )
        )
        return False
    return True


def _unique_ids(inner_paths: Mapping[Path, str], relative: Mapping[Path, str]) -> dict[Path, str]:
    candidates = {
        path: (inner[: -len(path.suffix)] if path.suffix else inner, inner, relative[path])
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
