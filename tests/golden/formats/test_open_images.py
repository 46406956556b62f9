"""Open Images: one CSV of shares, groups as crowds, codes of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from tests.golden.datasets import shared, write_images
from tests.golden.formats.reading import Labels, read_or_refuse

HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf"
ROW = "a,xclick,coin,1,0.25,0.75,0.5,1,0,0,0"


def boxes(root: Path, content: str | bytes, *, classes: Any = ("coin", "key"), **files: str) -> Labels:
    """Images are 8 wide and 6 high."""
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "bbox.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    for name, text in files.items():
        (root / f"{name.replace('_', '-')}.csv").write_text(text)
    given_classes = None if classes is None else list(classes)
    return Labels(root, "bbox.csv", "boxes", format="openimages", classes=given_classes)


def test_boxes_are_shares_of_the_size_and_groups_are_crowds(tmp_path: Path) -> None:
    rows = [ROW, "b.png,,key,,0,1,0,1,,,1", '"a",,key,,"0,125","0,5",0,"0,5",,,-1', "elsewhere,,thing,,x,y,z,0"]
    labels = boxes(tmp_path, "\ufeff" + "\r\n".join([HEADER, *rows]))
    label = labels["a"]
    assert label.boxes.tolist() == [[2, 3, 6, 6], [1, 0, 4, 3]]
    assert label.class_index.tolist() == [0, 1]
    assert label.crowd.tolist() == [False, False]
    assert label.area.tolist() == [12, 9]
    assert labels["b"].crowd.tolist() == [True]


def test_a_sample_without_a_row_is_unlabeled(tmp_path: Path) -> None:
    assert boxes(tmp_path, f"{HEADER}\n{ROW}\n")["b"] is None


DESCRIPTIONS = "LabelName,DisplayName\n/m/1,coin\n/m/2,key\n"


def test_codes_are_named_by_the_descriptions_beside(tmp_path: Path) -> None:
    content = f"{HEADER}\n{ROW.replace('coin', '/m/2')}\n"
    labels = boxes(tmp_path, content, classes=None, oidv6_class_descriptions=DESCRIPTIONS)
    assert labels.reader.classes().names == ("coin", "key")
    assert labels["a"].class_index.tolist() == [1]
    assert boxes(tmp_path, content, classes=["key"])["a"].class_index.tolist() == [0]
    assert boxes(tmp_path, content, classes=["x", "/m/2"])["a"].class_index.tolist() == [1]


def test_descriptions_may_have_no_header(tmp_path: Path) -> None:
    text = DESCRIPTIONS.partition("\n")[2]
    labels = boxes(tmp_path, HEADER, classes=None, class_descriptions_boxable=text)
    assert labels.reader.classes().names == ("coin", "key")


@pytest.mark.parametrize("text", ["", DESCRIPTIONS.replace("key", "coin")])
def test_classes_are_needed_where_descriptions_give_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(GoldenFormatError, match="key is missing"):
        boxes(tmp_path, HEADER, classes=None, class_descriptions=text).reader.classes()


@pytest.mark.parametrize(
    "row, problem",
    [
        (ROW.replace("coin", "coins"), "unknown class.*did you mean 'coin'"),
        (ROW.replace("0.25", "x"), "not a number"),
        (ROW.replace("0.25", "nan"), "not a number"),
        (ROW.replace("0.25", ""), "not a number"),
        (ROW.replace("0.25", "25"), "not shares"),
        (ROW.replace("0.25", "0.8"), "negative size"),
    ],
)
def test_a_bad_row_concerns_its_sample_only(tmp_path: Path, row: str, problem: str) -> None:
    labels = boxes(tmp_path, f"{HEADER}\n{ROW}\n{row}\n{ROW.replace('a,', 'b,', 1)}\n")
    assert len(labels["b"]) == 1
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        labels["a"]
    assert str(caught.value.place).startswith("line 3")
    assert caught.value.hint


@pytest.mark.parametrize(
    "content, problem",
    [
        ("", "not a file of Open Images boxes.*no header"),
        (HEADER.replace("XMin,", ""), "not a file of Open Images boxes.*XMin is missing"),
        (f"{HEADER}\na,b", "row is too short"),
        (f"{HEADER}\nb,,coin,,0,125,0,5,0,0,5,,", None),  # decimal commas without quotes are other columns
        (f'{HEADER}\n"a,b\n', "not a CSV file"),
        (HEADER.encode() + b"\n\xff", "not UTF-8"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_a_broken_file_gives_each_sample_the_same_error(
    tmp_path: Path, content: str | bytes, problem: str | None
) -> None:
    labels = boxes(tmp_path, content)
    if problem is None:
        with pytest.raises(GoldenFormatError, match="not shares"):
            labels["b"]
        return
    messages = set()
    for sample_id in labels.keys:
        with pytest.raises(GoldenFormatError, match=problem) as caught:
            labels[sample_id]
        messages.add(str(caught.value))
    assert len(messages) == 1


GOOD = f"{HEADER}\n{ROW}\n{ROW}\n".encode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, len(GOOD)),
    length=st.integers(0, 8),
    inserted=st.binary(max_size=5) | st.sampled_from([b'"', b",", b"\n", b"\x00", b"1e300", b"-", b"\r"]),
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, cut: int, length: int, inserted: bytes) -> None:
    read_or_refuse(boxes(tmp_path, GOOD[:cut] + inserted + GOOD[cut + length :]), "a")


def test_real_boxes_with_codes_and_groups() -> None:
    root = shared("datumaro_assets", "open_images_dataset", "v6")
    path = "annotations/{}-annotations-bbox.csv"
    test = Labels(root, path.format("test"), "boxes", format="openimages", samples="images/test/*")
    assert test.reader.classes().names == tuple(f"Generic label #{number}" for number in range(4))
    label = test["c"]
    assert label.class_index.tolist() == [3]
    assert label.crowd.tolist() == [True]
    train = Labels(root, path.format("oidv6-train"), "boxes", format="openimages", samples="images/train/*")
    assert train["a"] is None
    np.testing.assert_allclose(train["b"].boxes, [[0.2 * 8, 0.3 * 2, 8, 0.5 * 2]])
