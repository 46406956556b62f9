"""Pascal VOC: pixels counted from 1 or 0, difficult objects, hostile XML."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import BoxLabels
from tests.golden.datasets import shared, write_images
from tests.golden.formats.reading import Labels, read_or_refuse

BOX = "<bndbox><xmin>2</xmin><ymin>1</ymin><xmax>5</xmax><ymax>4</ymax></bndbox>"
COIN = f"<object><name>coin</name>{BOX}</object>"


def voc(root: Path, content: str | bytes, **entry: str) -> Labels:
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "xml").mkdir(exist_ok=True)
    (root / "xml" / "a.xml").write_bytes(content if isinstance(content, bytes) else content.encode())
    return Labels(root, "xml/{id}.xml", "boxes", format="voc", classes=["coin", "key"], **entry)


def annotation(*objects: str) -> str:
    return f"<annotation>{''.join(objects)}</annotation>"


def test_corners_count_from_one_with_the_last_pixel_included(tmp_path: Path) -> None:
    key = COIN.replace("coin", "key").replace("<bndbox>", "<difficult> 1 </difficult><bndbox>")
    label = voc(tmp_path, annotation(COIN, key))["a"]
    assert label.boxes.tolist() == [[1, 0, 5, 4], [1, 0, 5, 4]]
    assert label.area.tolist() == [16, 16]
    assert label.class_index.tolist() == [0, 1]
    assert label.crowd.tolist() == [False, False]
    assert label.ignored.tolist() == [False, True]
    assert label.extent is None


def test_zero_based_corners_stay_as_they_are(tmp_path: Path) -> None:
    label = voc(tmp_path, annotation(COIN), pixels="zero-based")["a"]
    assert label.boxes.tolist() == [[2, 1, 5, 4]]
    assert label.ignored is None


def test_a_file_without_objects_has_none_and_no_file_is_no_label(tmp_path: Path) -> None:
    labels = voc(tmp_path, annotation("<size><width>8</width></size>"))
    assert labels["a"].boxes.shape == (0, 4)
    assert labels["b"] is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "gbk"])
def test_encodings_that_are_declared_are_heeded(tmp_path: Path, encoding: str) -> None:
    name = "\u00b0" if encoding == "gbk" else "m\u00fcnze"
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>' + annotation(COIN.replace("coin", name))
    voc(tmp_path, text.encode(encoding))
    assert Labels(tmp_path, "xml/{id}.xml", "boxes", format="voc", classes=[name])["a"].class_index.tolist() == [0]


@pytest.mark.parametrize(
    "objects, place, problem",
    [
        (COIN.replace("coin", "coins"), "object[1].name", "unknown class.*did you mean 'coin'"),
        (COIN.replace("coin", " "), "object[1].name", "has no name"),
        ("<object><name>coin</name></object>", "object[1].bndbox", "has no box"),
        (COIN.replace("<xmin>2</xmin>", ""), "object[1].bndbox.xmin", "not a number"),
        (COIN.replace(">2<", ">nan<"), "object[1].bndbox.xmin", "not a number"),
        (COIN.replace(">2<", ">1_0<"), "object[1].bndbox.xmin", "not a number"),
        (COIN.replace(">2<", ">\u0662<"), "object[1].bndbox.xmin", "not a number"),
        (COIN.replace(">4<", ">1e400<"), "object[1].bndbox.ymax", "not a number"),
        (COIN.replace(">2<", ">9<"), "object[1].bndbox", "negative size"),
        (COIN.replace(">5<", ">5e9<"), "object[1].bndbox", "too large"),
        (COIN.replace("<bndbox>", "<difficult>yes</difficult><bndbox>"), "object[1].difficult", "no flag"),
    ],
)
def test_a_bad_object_is_named(tmp_path: Path, objects: str, place: str, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        voc(tmp_path, annotation(COIN, objects))["a"]
    assert caught.value.place == place
    assert caught.value.file == str(tmp_path / "xml" / "a.xml")
    assert caught.value.hint


@pytest.mark.parametrize(
    "content, problem",
    [
        ("", "not XML"),
        (annotation(COIN)[:-5], "not XML.*found.*line 1"),
        ("<annotations/>", "not a Pascal VOC file.*cvat"),
        (b"<annotation>\xff</annotation>", "not XML"),
        (b"\x00\x01\x02", "not XML"),
        ('<?xml version="1.0" encoding="utf-7"?><annotation/>', "encoding is not supported"),
        ('<?xml version="1.0" encoding="zip"?><annotation/>', "encoding is not supported"),
        (b'<?xml version="1.0" encoding="gbk"?><annotation>\xff\xff</annotation>', "not in the encoding"),
        ("<annotation>&undefined;</annotation>", "not XML"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_files_that_are_not_voc_are_refused(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem):
        voc(tmp_path, content)["a"]


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + "]>\n<annotation>&m;</annotation>"
)


@pytest.mark.parametrize(
    "content",
    [
        BOMB.encode(),
        BOMB.encode("utf-16"),
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>',
    ],
)
def test_document_types_are_refused_before_they_are_parsed(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(GoldenFormatError, match="document type"):
        voc(tmp_path, content)["a"]


def test_deeply_nested_and_large_files_do_no_harm(tmp_path: Path) -> None:
    assert len(voc(tmp_path, "<annotation>" * 100_000 + "</annotation>" * 100_000)["a"]) == 0
    with pytest.raises(GoldenFormatError, match="too large"):
        voc(tmp_path, annotation(" " * 8_000_000))["a"]


GOOD = annotation(COIN, COIN.replace("coin", "key")).encode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, len(GOOD)),
    length=st.integers(0, 8),
    inserted=st.binary(max_size=6)
    | st.sampled_from([b"<", b"&", b"-", b"e9", b"<object>", b"</object>", b"<!DOCTYPE a>", b"\xef\xbb\xbf"]),
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, cut: int, length: int, inserted: bytes) -> None:
    damaged = GOOD[:cut] + inserted + GOOD[cut + length :]
    label = read_or_refuse(voc(tmp_path, damaged), "a")
    assert isinstance(label, BoxLabels | GoldenFormatError)


def test_real_blood_cells_load_with_their_zero_area_box() -> None:
    root = shared("voc_bccd")
    labels = Labels(
        root,
        "Annotations/{id}.xml",
        "boxes",
        format="voc",
        classes=["RBC", "WBC", "Platelets"],
        samples="Annotations/*.xml",
    )
    boxes = [labels[sample_id] for sample_id in labels.keys]
    assert len(boxes) == 363
    assert sum(len(label) for label in boxes) == 4876
    assert labels["BloodImage_00338"].boxes[12].tolist() == [503, 336, 504, 337]  # one pixel, as VOC counts
    plain = Labels(
        root,
        "Annotations/{id}.xml",
        "boxes",
        format="voc",
        classes=["RBC", "WBC", "Platelets"],
        samples="Annotations/BloodImage_00338.xml",
        pixels="zero-based",
    )["BloodImage_00338"]
    assert plain.area.tolist().index(0) == 12


def test_real_devkit_boxes() -> None:
    root = shared("voc_coco_mmdet", "VOCdevkit", "VOC2007")
    labels = Labels(
        root, "Annotations/{id}.xml", "boxes", format="voc", classes=["dog", "person"], samples="JPEGImages/*.jpg"
    )
    assert labels["000001"].boxes.tolist() == [[47, 239, 195, 371], [7, 11, 352, 498]]
    assert labels["000001"].class_index.tolist() == [0, 1]


def test_real_parts_of_objects_are_left_out_and_labelme_xml_is_no_voc() -> None:
    root = shared("datumaro_assets")
    labels = Labels(
        root,
        "voc_dataset/voc_dataset1/Annotations/{id}.xml",
        "boxes",
        format="voc",
        classes=["cat", "person"],
        samples="voc_dataset/voc_dataset1/JPEGImages/*.jpg",
    )
    assert labels["2007_000001"].boxes.tolist() == [[0, 1, 3, 4], [3, 4, 6, 7]]
    assert labels["2007_000002"] is None
    other = Labels(
        root, "labelme_dataset/{id}.xml", "boxes", format="voc", classes=["window"], samples="labelme_dataset/*.png"
    )
    with pytest.raises(GoldenFormatError, match="object has no box"):
        other["img1"]
