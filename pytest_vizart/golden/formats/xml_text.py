"""XML that may be hostile: bounded, without document type, so that no entity expands and nothing outside is fetched."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from xml.etree import ElementTree

from pytest_vizart.errors import GoldenFormatError

Element = ElementTree.Element

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS = re.compile(r"ascii|utf-8|utf-16|iso8859-\d+|cp\d+|gb\w+|big5|shift_jis|euc_\w+|koi8-r")
_UTF_8 = ("ascii", "utf-8")


def utf8_xml(content: bytes, path: Path) -> bytes:
    """Return the XML as UTF-8, whatever it is in.

    Raises:
        GoldenFormatError: it has a document type declaration, or an encoding that is unknown or not what it says.
    """
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)) else _declared(content, path)
    if encoding not in _UTF_8:
        try:
            content = content.decode(encoding).encode()
        except UnicodeError as error:
            raise GoldenFormatError(
                "text is not in the encoding that it declares",
                file=path,
                place="line 1",
                expected=f"text in {encoding}",
                found=str(error),
                hint="save it as UTF-8",
            ) from error
    before, declaration, _ = content.partition(b"<!DOCTYPE")
    if declaration:
        line = before.count(b"\n") + 1
        raise GoldenFormatError(
            "XML with a document type",
            file=path,
            place=f"line {line}",
            expected="plain elements",
            found="<!DOCTYPE",
            hint="remove the declaration: entities are not expanded",
        )
    return content.removeprefix(codecs.BOM_UTF8)


def parse_xml(content: bytes, path: Path) -> Element:
    """Return the root element of XML that `utf8_xml` returned; GoldenFormatError where it is not well-formed."""
    try:
        # The encoding is given: what a declaration says was heeded already.
        return ElementTree.fromstring(content, ElementTree.XMLParser(encoding="utf-8"))
    except ElementTree.ParseError as error:
        line, column = error.position
        raise not_xml(path, line, column + 1, str(error)) from error


def not_xml(path: Path, line: int, column: int, reason: str) -> GoldenFormatError:
    """Return the error of a file that is not well-formed."""
    return GoldenFormatError(
        "not XML",
        file=path,
        place=f"line {line}, column {column}",
        expected="well-formed XML",
        found=reason,
        hint="was the file cut? export it again",
    )


def _declared(content: bytes, path: Path) -> str:
    found = _DECLARED.match(content[:300])
    if found is None:
        return "utf-8"
    declared = found[1].decode("ascii")
    try:
        name = codecs.lookup(declared).name
    except LookupError:
        name = ""
    if not _ENCODINGS.fullmatch(name):
        raise GoldenFormatError(
            "encoding is not supported",
            file=path,
            place="line 1",
            expected="UTF-8",
            found=declared,
            hint="save it as UTF-8",
        )
    return name
