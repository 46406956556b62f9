"""Pascal VOC (Everingham et al., 2010): one XML file for each sample, its boxes."""

from __future__ import annotations

from pathlib import Path

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.box_columns import Corners, box_labels, require_corners
from pytest_vizart.golden.formats.per_sample import PerSampleReader
from pytest_vizart.golden.formats.sample_files import read_number, sample_bytes
from pytest_vizart.golden.formats.xml_text import Element, parse_xml, utf8_xml
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import BoxLabels, Task

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


class VocReader(PerSampleReader):
    """Reads `Annotations/{id}.xml`; a sample without such a file is unlabeled.

    VOC counts pixels from 1 and includes the last one: corners become x1 - 1, y1 - 1, x2, y2, half-open and from 0.
    With `pixels: zero-based`, for files whose tool wrote plain coordinates, they stay as they are. `difficult` objects
    are ignored, parts of objects left out.
    """

    tasks: tuple[Task, ...] = ("boxes",)

    def __init__(self, source: LabelSource) -> None:
        super().__init__(source)
        self._first_pixel = 0.0 if source.entry.pixels == "zero-based" else 1.0

    def read(self, key: SampleKey) -> BoxLabels | None:
        path = self._source.path_for(key)
        content = sample_bytes(path)
        if content is None:
            return None
        root = parse_xml(utf8_xml(content, path), path)
        if root.tag != "annotation":
            raise GoldenFormatError(
                "not a Pascal VOC file",
                file=path,
                expected="<annotation>",
                found=f"<{root.tag}>",
                hint="CVAT's own files are `format: cvat`",
            )
        corners, class_index, difficult = [], [], []
        for position, element in enumerate(root.findall("object")):
            place = f"object[{position}]"
            class_index.append(
                self._lookup.by_name(_text(element, "name", path, place), file=path, place=f"{place}.name")
            )
            corners.append(self._corners(element, path, place))
            difficult.append(_flag(element, "difficult", path, place))
        return box_labels(corners, class_index, ignored=difficult)

    def _corners(self, element: Element, path: Path, place: str) -> Corners:
        place = f"{place}.bndbox"
        box = element.find("bndbox")
        if box is None:
            raise GoldenFormatError(
                "object has no box",
                file=path,
                place=place,
                expected="xmin, ymin, xmax, ymax",
                found=", ".join(child.tag for child in element[:8]) or "nothing",
                hint="only objects with a bndbox are Pascal VOC's",
            )
        x1, y1, x2, y2 = (
            read_number(box.findtext(name, "").strip(), file=path, place=f"{place}.{name}") for name in _CORNERS
        )
        first = self._first_pixel
        return require_corners(
            (x1 - first, y1 - first, x2, y2), file=path, place=place, hint="are minimum and maximum swapped?"
        )


def _text(element: Element, name: str, path: Path, place: str) -> str:
    text = element.findtext(name, "").strip()
    if not text:
        raise GoldenFormatError(
            f"object has no {name}",
            file=path,
            place=f"{place}.{name}",
            expected="text",
            found="nothing",
            hint="give it one",
        )
    return text


def _flag(element: Element, name: str, path: Path, place: str) -> bool:
    text = element.findtext(name, "").strip() or "0"
    if text not in ("0", "1"):
        raise GoldenFormatError(
            f"{name} is no flag", file=path, place=f"{place}.{name}", expected="0 or 1", found=text, hint="correct it"
        )
    return text == "1"
