"""CSV files of classes, boxes and texts, and lists of files with their classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import ClassLabel, Task, TextLabel
from tests.golden.datasets import write_images
from tests.golden.formats.reading import Labels, read_or_refuse
from tests.golden.mutations import damaged

CLASSES = {3: "three", 8: "eight"}


def table(root: Path, content: str | bytes, task: Task = "classes", **entry: Any) -> Labels:
    if not (root / "images").exists():
        write_images(root, ["images/a.png", "images/b c.png", "images/d.png"])
    (root / "l.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return Labels(root, "l.csv", task, format="csv", classes=None if task == "text" else CLASSES, **entry)


@pytest.mark.parametrize(
    "content",
    [
        "image,class\na.png,three\nb c.png,8\n",
        "image;class\na.png;three\nb c.png;8\n",
        "image\tclass\na.png\tthree\nb c.png\t8\n",
        "Image,note,Class\r\na,x,three\r\n\r\n\"b c\",\"x,\ny\",8",
        "\ufefffilename,label\nimages/a.png, three \nelse/b c.png,8\nother.png,nonsense\n",
        "a.png three\nb c.png 8\n",
        "a.png,three\nb c.png,8\n",
        "images/a.png\tthree\nimages/b c.png\t8\n",
    ],
)  # fmt: skip
def test_one_row_for_each_sample_with_or_without_a_header(tmp_path: Path, content: str) -> None:
    labels = table(tmp_path, content)
    assert labels["a"] == ClassLabel(0)
    assert labels["b c"] == ClassLabel(1)
    assert labels["d"] is None


@pytest.mark.parametrize(
    "content, sample, place, problem",
    [
        ("image,class\nb c,eight\na,nine\n", "a", "line 3", "unknown class.*found nine"),
        ("image,class\na,THREE\n", "a", "line 2", "unknown class"),
        ("image,class\na\n", "a", "line 2", "too short"),
        ('image,note,class\n"b c","x\ny",3\na,,nine\n', "a", "line 4", "unknown class"),
        ("image,class\na,3\nb c,8\na,3\n", "a", "line 4", "several rows.*line 2, line 4"),
    ],
)
def test_a_bad_row_concerns_its_sample_only(
    tmp_path: Path, content: str, sample: str, place: str, problem: str
) -> None:
    labels = table(tmp_path, content)
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        labels[sample]
    assert caught.value.place == place
    assert labels["d"] is None


@pytest.mark.parametrize(
    "content, place, problem",
    [
        ("x.png,three\ny.png,three\n", "line 1", "no column holds the sample"),
        ("image,class\nx,3\n", "line 2", "no row is of a sample of this dataset; expected .*found x"),
        ("image,file,class\na,a,3\n", "line 1", "several columns could hold the sample"),
        ("image,x\na,3\n", "line 1", "no column holds the label.*columns: {label"),
        (b"image,class\na,\xff\n", "line 2", "not UTF-8"),
        ('image,class\na,"3\n', "line 2", "not a CSV file"),
        ('image,class\nd,3\na,"3"x\n', "line 3", "not a CSV file"),
        ("", "line 1", "no column"),
    ],
)
def test_a_broken_file_gives_each_sample_the_same_error(
    tmp_path: Path, content: str | bytes, place: str | None, problem: str
) -> None:
    labels = table(tmp_path, content)
    for sample in labels.keys:
        with pytest.raises(GoldenFormatError, match=problem) as caught:
            labels[sample]
        assert caught.value.place == place
        assert caught.value.hint


def test_the_manifest_names_the_columns(tmp_path: Path) -> None:
    columns = {"sample": "photo", "label": "Kind"}
    assert table(tmp_path, "photo,Kind,label\na,3,x\n", columns=columns)["a"] == ClassLabel(0)
    with pytest.raises(GoldenFormatError, match="no column holds the label; expected one column called Kind"):
        table(tmp_path, "photo,kind\na,3\n", columns=columns)["a"]


BOXES = [[1, 2, 4, 6], [0, 0, 8, 6.5]]


@pytest.mark.parametrize(
    "box_format, content",
    [
        ("xyxy", "image,xmin,ymin,xmax,ymax,class\na,1,2,4,6,3\na,0,0,8,6.5,eight\n"),
        ("xyxy", "filename,width,height,class,X1,Y1,X2,Y2\na,8,6,3,1,2,4,6\na,8,6,8,0,0,8,6.5\n"),
        ("xywh", "image,x,y,width,height,class\na,1,2,3,4,3\na,0,0,8,6.5,eight\n"),
        ("cxcywh", "image;cx;cy;w;h;class\na;2.5;4;3;4;3\na;4;3.25;8;6.5;eight\n"),
        ("xywh", 'image,bbox,class\na,"[1.0, 2.0, 3.0, 4.0]",3\na,"[0,0,8,6.5]",8\n'),
        ("xyxy", "image,bbox,class\na,1 2 4 6,3\na,(0 0 8 6.5),8\n"),
    ],
)
def test_boxes_are_one_row_each(tmp_path: Path, box_format: str, content: str) -> None:
    label = table(tmp_path, content, "boxes", box_format=box_format)["a"]
    assert label.boxes.tolist() == BOXES
    assert label.class_index.tolist() == [0, 1]
    assert label.area.tolist() == [12, 52]
    assert (label.extent is None) == (box_format == "xyxy")
    assert label.crowd.tolist() == [False, False]


def test_an_empty_row_is_an_image_without_objects(tmp_path: Path) -> None:
    labels = table(tmp_path, "image,x1,y1,x2,y2,class\na,,,,,\n", "boxes")
    assert labels["a"].boxes.shape == (0, 4)
    assert labels["d"] is None


@pytest.mark.parametrize(
    "row, problem",
    [
        ("1,2,4,6,nine", "unknown class"),
        ("1,2,4,6,", "unknown class"),
        ("1,2,,6,3", "not a number"),
        ('1,2,"4,5",6,3', "not a number.*found 4,5"),
        ("1,2,nan,6,3", "not a number"),
        ("1,2,1e999,6,3", "not a number"),
        ("4,2,1,6,3", "negative size.*box_format"),
        ("1,2,1e10,6,3", "too large"),
        ("1,2,4,6", "too short"),
    ],
)
def test_a_bad_box_names_its_line(tmp_path: Path, row: str, problem: str) -> None:
    labels = table(tmp_path, f"image,x1,y1,x2,y2,class\na,1,2,4,6,3\na,{row}\nd,1,2,4,6,3\n", "boxes")
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        labels["a"]
    assert caught.value.place == "line 3"
    assert len(labels["d"]) == 1


@pytest.mark.parametrize("cell", ["1 2 4", "1 2 4 6 8", "[]", "x"])
def test_a_cell_of_other_than_four_numbers_is_no_box(tmp_path: Path, cell: str) -> None:
    with pytest.raises(GoldenFormatError, match=r"not a box|not a number"):
        table(tmp_path, f"image,bbox,class\na,{cell},3\n", "boxes")["a"]


def test_columns_of_another_box_format_are_not_taken(tmp_path: Path) -> None:
    content = "image,x1,y1,x2,y2,class\na,1,2,4,6,3\n"
    with pytest.raises(GoldenFormatError, match="no column holds the box's x; expected one column called x or left"):
        table(tmp_path, content, "boxes", box_format="xywh")["a"]


def test_texts_may_be_empty(tmp_path: Path) -> None:
    labels = table(tmp_path, "filename,words\na.png,EXIT 7\nd.png,\n", "text")
    assert labels["a"] == TextLabel("EXIT 7")
    assert labels["d"] == TextLabel("")
    assert labels["b c"] is None


@given(content=damaged([b"image,x1,y1,x2,y2,class\na,1,2,4,6,3\na,0,0,8,6.5,eight\nd,,,,,\n", b"a.png 3\nd 8\n"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for task in ("boxes", "classes", "text"):
        read_or_refuse(table(tmp_path, content, task), "a")


@given(cells=st.lists(st.lists(st.text(max_size=4), max_size=3), max_size=4))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cells_are_read_or_refused(tmp_path: Path, cells: list[list[str]]) -> None:
    rows = "\n".join(",".join(["a", *row]) for row in cells)
    read_or_refuse(table(tmp_path, f"image,class\n{rows}".encode("utf-8", "replace")), "a")
