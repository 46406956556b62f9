"""Reference texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.sample_files import MAX_SAMPLE_FILE_BYTES
from pytest_vizart.records.labels import NO_CLASSES, TextLabel
from tests.golden.datasets import write_images
from tests.golden.formats.reading import Labels


def texts(root: Path, content: bytes) -> Labels:
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "texts").mkdir(exist_ok=True)
    (root / "texts" / "a.txt").write_bytes(content)
    return Labels(root, "texts/{id}.txt", "text", format="text")


@pytest.mark.parametrize(
    "content, text",
    [
        (b"", ""),
        (b"\n", ""),
        (b"EXIT", "EXIT"),
        (b"EXIT\r\n7 km\r\n", "EXIT\n7 km"),
        (b"EXIT\r7 km\n\n", "EXIT\n7 km\n"),
        ("\ufeffgrößer\n".encode(), "größer"),
        (b" a\t\n", " a\t"),
    ],
)
def test_line_ends_are_one_character_and_the_last_is_the_files(tmp_path: Path, content: bytes, text: str) -> None:
    labels = texts(tmp_path, content)
    assert labels["a"] == TextLabel(text)
    assert labels["b"] is None
    assert labels.reader.classes() == NO_CLASSES


@pytest.mark.parametrize(
    "content, problem",
    [
        ("größer".encode("latin-1"), "not UTF-8"),
        ("EXIT".encode("utf-16"), "not UTF-8"),
        ("EXIT".encode("utf-16-le"), "zero byte.*UTF-16"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"x" * (MAX_SAMPLE_FILE_BYTES + 1), "too large"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        texts(tmp_path, content)["a"]
    assert caught.value.file == str(tmp_path / "texts" / "a.txt")
    assert caught.value.hint


@given(text=st.text(st.characters(exclude_characters="\r\0\ufeff", codec="utf-8")))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_as_it_is(tmp_path: Path, text: str) -> None:
    assert texts(tmp_path, f"{text}\n".encode())["a"] == TextLabel(text)
