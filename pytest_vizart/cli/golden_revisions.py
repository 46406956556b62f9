"""A folder as it was at a git revision, unpacked into a temporary folder."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_vizart.cli.refusal import Refused
from pytest_vizart.report.wording import printable


@contextmanager
def folder_of(text: str) -> Iterator[Path]:
    """Give the folder that is meant by a path, or by REVISION:FOLDER, unpacked for as long as the block runs."""
    if Path(text).is_dir():
        yield Path(text)
        return
    revision, separator, folder = text.partition(":")
    if not (separator and revision and folder) or revision.startswith("-"):
        raise Refused(f"{printable(text)}: no such folder; hint: give a folder, or REVISION:FOLDER")
    with tempfile.TemporaryDirectory(prefix="vizart-") as temporary:
        with tarfile.open(fileobj=io.BytesIO(_archive(revision, folder))) as archive:
            archive.extractall(temporary, filter="data")
        # git's paths are relative to the folder that the command runs in.
        yield Path(temporary) / Path(folder)


def _archive(revision: str, folder: str) -> bytes:
    command = ["git", "archive", "--format=tar", revision, "--", folder]
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError as error:
        raise Refused("git is not installed; hint: give folders") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Refused(
            f"{printable(f'{revision}:{folder}')}: git says: {printable(said[-1] if said else 'nothing')}"
        ) from error
