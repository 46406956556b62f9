"""A CVAT file, indexed: labels, and where the images lie in it; an image is parsed when its label is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.formats.xml_text import Element, not_xml, parse_xml, utf8_xml
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.manifest_values import MAX_CLASSES

MAX_CVAT_BYTES = 200_000_000
_MAX_PART_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class CvatImage:
    """One `image` element: its attributes unchecked, and the bytes of its shapes, empty where it has none."""

    name: str
    width: str
    height: str
    line: int
    begin: int
    end: int


class CvatFile:
    """A CVAT file for the samples of a dataset; images that are no samples are left out.

    Attributes: `labels`, the names of the classes in the file's order. `skeletons`: name of a skeleton -> names of its
    keypoints.
    """

    def __init__(self, path: Path, samples: Sequence[SampleKey]) -> None:
        self.path = path
        self._content = utf8_xml(read_bytes(path, limit=MAX_CVAT_BYTES), path)
        index = _Index(path, SampleNames(samples), self._content)
        self._images = index.loose | index.exact
        self.labels, self.skeletons = self._read_labels(index.meta)

    def image_of(self, key: SampleKey) -> CvatImage | None:
        """Return the image of a sample, None if the file has none; GoldenFormatError if it has several."""
        images = self._images.get(key.id, [])
        if len(images) > 1:
            raise GoldenFormatError(
                "several images for one sample",
                file=self.path,
                place=f"line {images[1].line}",
                expected=f"one image for sample {key.id}",
                found=f"{images[0].name}, {images[1].name}",
                hint="give names relative to the dataset's folder",
            )
        return images[0] if images else None

    def shapes(self, image: CvatImage) -> list[Element]:
        """Return the elements in an image."""
        return list(self._part(image.begin, image.end, image.line))

    def _read_labels(self, meta: tuple[int, int, int] | None) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        labels: list[str] = []
        skeletons: dict[str, list[str]] = {}
        found = [] if meta is None else self._part(*meta).findall("*/labels/label")
        for label in found[: MAX_CLASSES + 1]:
            name, parent = label.findtext("name", "").strip(), label.findtext("parent", "").strip()
            if parent:
                skeletons.setdefault(parent, []).append(name)
            elif name and name not in labels[-1:]:
                labels.append(name)
        return tuple(dict.fromkeys(labels)), {name: tuple(points) for name, points in skeletons.items()}

    def _part(self, begin: int, end: int, line: int) -> Element:
        if end - begin > _MAX_PART_BYTES:
            raise GoldenFormatError(
                "too much for one image",
                file=self.path,
                place=f"line {line}",
                expected=f"at most {_MAX_PART_BYTES:,} bytes",
                found=f"{end - begin:,} bytes",
                hint="simplify the outlines",
            )
        return parse_xml(self._content[begin:end], self.path) if end > begin else Element("image")


class _Index:
    """Where the images and the meta data lie, found in one pass that keeps nothing else."""

    def __init__(self, path: Path, names: SampleNames, content: bytes) -> None:
        self.exact: dict[str, list[CvatImage]] = {}
        self.loose: dict[str, list[CvatImage]] = {}
        self.meta: tuple[int, int, int] | None = None
        self._path = path
        self._names = names
        self._content = content
        self._depth = 0
        self._open: tuple[str, dict[str, str], int, int] | None = None
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise not_xml(path, error.lineno, error.offset + 1, expat.ErrorString(error.code) or "") from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != "annotations":
            raise self._refusal("not a CVAT file", "<annotations>", name, "Pascal VOC files are `format: voc`")
        if self._depth != 2:
            return
        if name == "track":
            raise self._refusal("tracks of a video", "<image>", name, 'export as "CVAT for images 1.1"')
        if name in ("image", "meta"):
            self._open = (name, attributes, self._parser.CurrentByteIndex, self._parser.CurrentLineNumber)

    def _end(self, _: str) -> None:
        self._depth -= 1
        if self._depth == 1 and self._open is not None:
            name, attributes, begin, line = self._open
            self._open = None
            last = self._parser.CurrentByteIndex
            # At the end of an empty element, <image/>, the parser stands behind it: on no end tag of its name.
            closed = self._content.startswith(f"</{name}".encode(), last)
            end = self._content.index(b">", last) + 1 if closed else begin
            if name == "meta":
                self.meta = (begin, end, line)
            else:
                self._keep(attributes, begin, end, line)

    def _keep(self, attributes: dict[str, str], begin: int, end: int, line: int) -> None:
        name = attributes.get("name", "")
        sample_id = self._names.exact(name)
        found, level = (sample_id, self.exact) if sample_id else (self._names.by_file_name(name), self.loose)
        if found is not None and len(level.get(found, ())) < 2:
            image = CvatImage(name, attributes.get("width", ""), attributes.get("height", ""), line, begin, end)
            level.setdefault(found, []).append(image)

    def _refusal(self, problem: str, expected: str, found: str, hint: str) -> GoldenFormatError:
        place = f"line {self._parser.CurrentLineNumber}"
        return GoldenFormatError(
            problem, file=self._path, place=place, expected=expected, found=f"<{found[:80]}>", hint=hint
        )
