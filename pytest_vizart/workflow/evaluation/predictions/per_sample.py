"""Files of predictions of which there is one for each sample, and which sample each is of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from pytest_vizart.errors import GoldenError, UsageError
from pytest_vizart.golden.files import is_file
from pytest_vizart.workflow.evaluation.notes import counted, named
from pytest_vizart.workflow.evaluation.truths import Truths

_ID = "{id}"


def files_of_samples(path: Path, suffixes: Collection[str], truths: Truths) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Return the file of each sample that has one, and notes on files of no sample.

    A file belongs to the sample whose ID is its path below the folder without the extension or, where that is no ID,
    to the only sample whose file has the same bare name.

    Args:
        path: a folder, a path with {id}, or one file where there is one sample.

    Raises:
        GoldenError: there is no such folder, or no such file in it.
        UsageError: two files are of one sample, or one file is to serve several samples.
    """
    if _ID in str(path):
        found = {key.id: Path(str(path).replace(_ID, key.id)) for key in truths.keys}
        return {sample: file for sample, file in found.items() if is_file(file)}, ()
    if not path.is_dir():
        return _single(path, truths), ()
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in suffixes and is_file(file))
    if not files:
        raise GoldenError(
            "no predictions in it",
            file=path,
            expected=f"files ending in {' or '.join(sorted(suffixes))}",
            found="none",
            hint="check folder and format",
        )
    ids = {key.id for key in truths.keys}
    by_stem = _by_stem(truths)
    found, unknown = {}, []
    for file in files:
        name = file.relative_to(path).as_posix()[: -len(file.suffix)]
        sample = name if name in ids else by_stem.get(file.stem)
        if sample is None:
            unknown.append(file.name)
        elif sample in found:
            raise UsageError(
                "two files for one sample",
                file=file,
                expected="one file for each sample",
                found=f"{found[sample].name} too, for {sample}",
                hint="move one away, or give a path with {id}",
            )
        else:
            found[sample] = file
    return found, _notes(unknown, files, path)


def _notes(unknown: Sequence[str], files: Sequence[Path], path: Path) -> tuple[str, ...]:
    if not unknown:
        return ()
    if len(unknown) == len(files):
        raise GoldenError(
            "no file is of a sample",
            file=path,
            expected="files that are called as the samples are",
            found=named(unknown),
            hint="rename them, or give a path with {id}, such as predictions/{id}_pred.png",
        )
    return (f"{counted(len(unknown), 'file')} of unknown samples left out: {named(unknown)}",)


def _by_stem(truths: Truths) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for key in truths.keys:
        stem = Path(key.inner_path).stem
        found[stem] = None if stem in found else key.id
    return found


def _single(path: Path, truths: Truths) -> dict[str, Path]:
    if not path.exists():
        raise GoldenError("no such file", file=path, expected="predictions", hint="check the spelling")
    if len(truths.keys) != 1:
        raise UsageError(
            "one file of predictions for several samples",
            file=path,
            expected=f"a folder, or a path with {{id}}: there are {len(truths.keys)} samples",
            found="one file",
            hint="name the folder",
        )
    return {truths.keys[0].id: path}
