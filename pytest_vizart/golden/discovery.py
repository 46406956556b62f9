"""Golden datasets in a folder: with a manifest or, where there is none, recognised by what lies in them."""

from __future__ import annotations

from pathlib import Path

from pytest_vizart.errors import GoldenError, GoldenFormatError
from pytest_vizart.golden.listing import natural_key
from pytest_vizart.golden.manifest import MANIFEST_NAMES, Manifest, find_manifest, load_manifest


def discover(folder: Path) -> dict[str, Path]:
    """Return name -> folder of the golden datasets in `folder`, or of the one dataset that it is, in natural order.

    A dataset whose manifest cannot be read appears under its folder's name: loading it tells what is wrong. A folder
    without a manifest is a dataset if it can be recognised.

    Raises:
        GoldenError: no such folder, no dataset in it, or two datasets have one name.
    """
    folder = Path(folder).absolute()
    if not folder.is_dir():
        raise GoldenError("no such folder", file=folder, expected="golden datasets", hint="check --vizart-golden")
    if _has_manifest(folder):
        return {_name_of(folder): folder}
    below = sorted(_folders_in(folder), key=lambda path: natural_key(path.name))
    with_manifest = [path for path in below if _has_manifest(path)]
    if not with_manifest and _is_recognised(folder):
        return {folder.name: folder}
    found: dict[str, Path] = {}
    for path in below:
        described = path in with_manifest
        if not described and not _is_recognised(path):
            continue
        name = _name_of(path) if described else path.name
        if name in found:
            raise GoldenError(
                "two datasets have one name", file=path, found=f"{name}, also in {found[name]}", hint="rename one"
            )
        found[name] = path
    if not found:
        raise GoldenError(
            "no golden dataset",
            file=folder,
            expected=f"a {MANIFEST_NAMES[0]} here, or in a folder directly below",
            found=_almost(folder),
            hint="`vizart golden init --print DIR` shows what it could be; name the folder of datasets, or one dataset",
        )
    return found


def manifest_of(root: Path) -> tuple[Manifest, Path]:
    """Return the manifest of a dataset and its file or, where the folder was recognised without one, the folder.

    Raises:
        GoldenError: there is no such folder, or it has no manifest and cannot be recognised.
        GoldenFormatError: the manifest is wrong.
    """
    path = find_manifest(root) if root.is_dir() else None
    if path is not None:
        return load_manifest(path), path
    if not root.is_dir():
        raise GoldenError(
            "not a golden dataset",
            file=root,
            expected=f"a folder with {' or '.join(MANIFEST_NAMES)}",
            found="no such folder",
            hint="check the path",
        )
    from pytest_vizart.golden.recognition import recognise

    return recognise(root).manifest(), root


def _folders_in(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith((".", "__")) and path.is_dir()]


def _is_recognised(folder: Path) -> bool:
    from pytest_vizart.golden.recognition import is_recognised

    return is_recognised(folder)


def _almost(folder: Path) -> str | None:
    """What speaks against the folder itself, where it looks like a dataset; None where nothing does."""
    from pytest_vizart.golden.recognition import why_not

    return why_not(folder)


def _has_manifest(folder: Path) -> bool:
    return any((folder / name).is_file() for name in MANIFEST_NAMES)


def _name_of(folder: Path) -> str:
    try:
        path = find_manifest(folder)
        return (load_manifest(path).name if path else None) or folder.name
    except GoldenFormatError:
        return folder.name
