"""Which samples a label file names, where nothing else lists them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

from pytest_vizart.errors import GoldenError
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats.coco_file import read_coco
from pytest_vizart.golden.formats.csv_table import CsvTable
from pytest_vizart.golden.formats.json_lines import SampleLines
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.workflow.evaluation.path_kinds import beginning

_DELIMITER = re.compile(r"[,;\t]")
_CVAT_IMAGE = re.compile(r'<image\s[^>]{0,2000}?\bname="([^"]{1,1000})"')


class Recorded(SampleNames):
    """Takes whatever name a label file has for a sample, and keeps it."""

    def __init__(self) -> None:
        super().__init__(())
        self.names: dict[str, None] = {}

    def exact(self, name: str) -> str | None:
        self.names[name] = None
        return name


class _Held(Recorded):
    """Takes every name but those of the header's row, which must not be taken for the first row of a list."""

    def __init__(self, header: frozenset[str]) -> None:
        super().__init__()
        self._header = header

    def exact(self, name: str) -> str | None:
        return None if name in self._header else super().exact(name)


def names_in_file(path: Path, form: str) -> list[str] | None:
    """Return the names of the samples of a label file, in its order; None for formats of one file a sample.

    COCO's images come by ascending ID, as its evaluation takes them.

    Raises:
        GoldenError: the file names none.
        GoldenFormatError: the file is not what it should be.
    """
    listing = _LISTINGS.get(form)
    if listing is None:
        return None
    names = listing(path)
    if not names:
        raise GoldenError("no sample in it", file=path, expected="labels", hint=f"is it a {form} file?")
    return names


def _coco(path: Path) -> list[str]:
    images = sorted(read_coco(path).images, key=lambda image: (isinstance(image.id, str), image.id))
    return [image.file_name or image.url_name for image in images]


def _csv(path: Path) -> list[str]:
    return list(table_of_any(path)[1].names)


def table_of_any(path: Path) -> tuple[CsvTable, Recorded]:
    """Return a table all of whose rows are found, and the names that they have for samples.

    A table of two columns whose first cell is no file's name has a header, whatever it is.
    """
    first = next((line for line in beginning(path).splitlines() if line.strip()), "")
    cell = _DELIMITER.split(first)[0].strip(' "')
    names = _Held(frozenset() if Path(cell).suffix else frozenset((cell, *cell.split())))
    return CsvTable(path, names, None), names


def _json_lines(path: Path) -> list[str]:
    names = Recorded()
    SampleLines(path, names, None)
    return list(names.names)


def _cvat(path: Path) -> list[str]:
    text = read_bytes(path).decode("utf-8", "replace")
    return list(dict.fromkeys(unescape(name) for name in _CVAT_IMAGE.findall(text)))


def _open_images(path: Path) -> list[str]:
    names = Recorded()
    CsvTable(path, names, "ImageID")
    return list(names.names)


_LISTINGS: dict[str, Callable[[Path], list[str]]] = {
    "coco": _coco,
    "csv": _csv,
    "cvat": _cvat,
    "jsonl": _json_lines,
    "lvis": _coco,
    "openimages": _open_images,
}
