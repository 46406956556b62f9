"""Reference texts: one text file for each sample."""

from __future__ import annotations

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import decoded
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.sample_files import sample_bytes
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import NO_CLASSES, ClassMap, Task, TextLabel


class TextReader:
    """Reads `texts/{id}.txt`, UTF-8; a sample without such a file is unlabeled, an empty file is an empty text.

    Line ends are read as one character each, however they are written; the one at the file's end is the file's, not the
    text's. A byte order mark is left out.
    """

    tasks: tuple[Task, ...] = ("text",)
    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source

    def classes(self) -> ClassMap:
        return NO_CLASSES

    def read(self, key: SampleKey) -> TextLabel | None:
        path = self._source.path_for(key)
        content = sample_bytes(path)
        if content is None:
            return None
        text = decoded(content, path)
        if "\0" in text:
            raise GoldenFormatError(
                "not a text file",
                file=path,
                place=f"character {text.index(chr(0))}",
                expected="UTF-8 text",
                found="a zero byte",
                hint="is it UTF-16? save it as UTF-8",
            )
        return TextLabel(text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n"))
