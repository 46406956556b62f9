"""Which format a file or folder is of; one module a format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_vizart.errors import HistoryError
from pytest_vizart.workflow.importing import asv, github_action, pytest_benchmark
from pytest_vizart.workflow.importing.model import Imported
from pytest_vizart.workflow.importing.reading import require_regular

AUTO = "auto"
_HEAD = 4_000
_SAVED = ".benchmarks"  # where pytest-benchmark saves, hidden or not


@dataclass(frozen=True, slots=True)
class Format:
    """One format of files. accepts: whether a file may be of it, by its first characters."""

    name: str
    accepts: Callable[[Path, str], bool]
    read: Callable[[Path], Imported]


FILE_FORMATS = (
    Format(github_action.NAME, github_action.accepts, github_action.read),
    Format(pytest_benchmark.NAME, pytest_benchmark.accepts, pytest_benchmark.read),
)
NAMES = (pytest_benchmark.NAME, asv.NAME, github_action.NAME)


def sources(place: Path, form: str = AUTO) -> Iterator[tuple[Path, Callable[[Path], Imported]]]:
    """Yield what is to be read at a place, and how: a file, the files below a folder, asv's folders of results.

    Raises:
        HistoryError: nothing there is of the format, or of any that is known.
    """
    if place.is_dir():
        found = list(_below(place, form))
    elif form == asv.NAME:
        raise HistoryError("not a folder", file=place, expected=f"asv's folder of results, with {asv.INDEX}")
    else:
        found = [(place, reader.read) for reader in _readers(place, form, named=True)]
    if not found:
        raise HistoryError(
            "nothing to import", file=place, expected=f"results of {', '.join(NAMES) if form == AUTO else form}",
            hint="give the file that the program wrote, or its folder; --format says which program it was",
        )  # fmt: skip
    yield from found


def _below(folder: Path, form: str) -> Iterator[tuple[Path, Callable[[Path], Imported]]]:
    if form in (AUTO, asv.NAME) and asv.is_results(folder):
        yield folder, asv.read
        return
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or (path.name.startswith(".") and path.name != _SAVED):
            continue
        if path.is_dir():
            yield from _below(path, form)
        elif path.is_file() and path.suffix in (".json", ".js") and form != asv.NAME:
            yield from ((path, reader.read) for reader in _readers(path, form, named=False))


def _readers(path: Path, form: str, *, named: bool) -> list[Format]:
    """The one reader of a file; of a file that the user named, the one of the format that was given."""
    if named and form != AUTO:
        return [reader for reader in FILE_FORMATS if reader.name == form]
    try:
        head = _head(path)
    except OSError as error:
        if named:
            raise HistoryError(f"cannot be read ({error.strerror or error})", file=path) from error
        return []
    return [reader for reader in FILE_FORMATS if form in (AUTO, reader.name) and reader.accepts(path, head)][:1]


def _head(path: Path) -> str:
    require_regular(path)
    with path.open("rb") as file:
        return file.read(_HEAD).decode("utf-8-sig", "replace")
