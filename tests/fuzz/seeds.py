"""Good files of every format, small, that damage begins with."""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tests.golden.lzf_encoder import compress

SQUARE = [[1, 1, 5, 1, 5, 4, 1, 4]]
RLE = {"size": [6, 8], "counts": [8, 3, 37]}


def dumped(*values: Any) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


def coco() -> list[bytes]:
    images = [
        {"id": number, "file_name": name, "width": 8, "height": 6} for number, name in ((1, "a.png"), (2, "b.png"))
    ]
    categories: list[dict[str, Any]] = [
        {"id": 1, "name": "coin", "isthing": 1, "keypoints": ["eye", "ear"], "skeleton": [[1, 2]]},
        {"id": 2, "name": "key", "isthing": 0, "keypoints": ["eye", "ear"]},
    ]
    base = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 3], "area": 12, "iscrowd": 0, "id": 1}
    points = {"keypoints": [1, 1, 2, 0, 0, 0], "num_keypoints": 1}
    crowd = {**base, "id": 2, "iscrowd": 1, "segmentation": RLE, "category_id": 2, **points}
    text = {**base, "id": 3, "image_id": 2, "segmentation": {"size": [6, 8], "counts": "83U1"}}
    segments = [{"id": 1, "category_id": 1, "iscrowd": 0}, {"id": 258, "category_id": 2}]
    panoptic = {"image_id": 1, "file_name": "a.png", "segments_info": segments}
    lvis = [{**images[0], "neg_category_ids": [2], "not_exhaustive_category_ids": [1, 2]}, images[1]]

    def file(*rows: Any, pictures: Any = images) -> Any:
        return {"images": pictures, "annotations": list(rows), "categories": categories}

    return dumped(
        file({**base, "segmentation": SQUARE, **points}, crowd, text),
        file({key: value for key, value in {**base, "segmentation": SQUARE}.items() if key != "bbox"}),
        file(panoptic),
        file(base, pictures=lvis),
        file(),
    )


def coco_results() -> list[bytes]:
    row = {"image_id": 1, "category_id": 1, "score": 0.5}
    return dumped(
        [{**row, "bbox": [1, 1, 4, 3]}, {**row, "bbox": [0, 0, 1, 1], "image_id": 9, "category_id": 7}],
        [{**row, "segmentation": RLE}, {**row, "segmentation": {"size": [6, 8], "counts": "83U1"}, "image_id": 2}],
        [{**row, "keypoints": [1, 1, 2, 3, 3, 2]}],
        [],
    )


def json_lines() -> list[bytes]:
    lines = [
        {"file_name": "a.png", "label": "coin"},
        {"file_name": "a.png", "boxes": [[1, 2, 3, 4]], "labels": ["coin"], "crowd": [0], "area": [3]},
        {"file_name": "b.png", "objects": [{"bbox": [1, 2, 3, 4], "category": "key"}]},
        {"file_name": "b.png", "objects": {"bbox": [[1, 2, 3, 4]], "category": [1]}},
        {"image": "a", "text": "EXIT"},
        {"sample": "a", "arrays": {"pose": [0.1, 0.2]}, "array": [[1, 2]]},
    ]
    rows = dumped(*lines)
    return [*rows, rows[0] + b"\n" + rows[2] + b"\n"]


def labelme() -> list[bytes]:
    bitmap = io.BytesIO()
    Image.new("L", (3, 2), 1).save(bitmap, "PNG")
    mask = base64.b64encode(bitmap.getvalue()).decode()
    shapes = [
        {"label": "coin", "points": [[1, 1], [5, 4]], "shape_type": "rectangle", "group_id": 1},
        {"label": "eye", "points": [[2, 2]], "shape_type": "point", "group_id": 1},
        {"label": "coin", "points": [[1, 1], [5, 1], [5, 4]], "shape_type": "polygon"},
        {"label": "key", "points": [[3, 3], [4, 4]], "shape_type": "circle"},
        {"label": "key", "points": [[1, 1], [3, 2]], "shape_type": "mask", "mask": mask},
    ]
    return dumped(
        {"shapes": shapes, "imageHeight": 6, "imageWidth": 8},
        {"shapes": shapes[:2], "imageHeight": None, "imageWidth": None},
        {"shapes": [{**shapes[2], "group_id": 3}, {**shapes[3], "label": "coin", "group_id": 3}]},
    )


def models() -> list[bytes]:
    """What tests.fuzz.targets.Anything hands on, of every task."""
    return dumped(
        {"boxes": [[1, 2, 3, 4]], "labels": ["coin"], "crowd": [0], "area": [1], "ignored": [1]},
        {"boxes": [[1, 2, 3, 4, 0.5]], "labels": ["coin"]},
        {"masks": [SQUARE, RLE], "size": [6, 8], "labels": ["coin", 1]},
        {"keypoints": [[[1, 1, 2], [2, 2, 0]]], "boxes": [[1, 1, 2, 2]], "labels": ["key"]},
        {"mask": [[0, 1], [1, 0]]},
        {"segments": [[0, -1], [1, 0]], "labels": ["coin", "key"], "crowd": [0, 1]},
        {"labels": [0, 1], "instance": [0, 3]},
        {"boxes": [[1, 2, 3, 4, 5, 6, 0.5]], "labels": ["coin"]},
        {"xyz": [[1, 2, 3]]},
        {"image": [[0, 255], [3, 4]]},
        {"text": "EXIT"},
        {"array": [[0.5, 1]]},
        {"arrays": {"x": [1], "y": 2}},
        {"label": "coin"},
        {},
    )


def recorded_json() -> list[bytes]:
    return dumped(
        {"": {"dtype": "<f8", "shape": [2, 2], "rows": [[0.5, "nan"], [1, "-inf"]]}},
        {"a": {"dtype": "<i4", "shape": [], "rows": [3]}, "b": {"dtype": "|b1", "shape": [1], "rows": [True]}},
        {"t": {"dtype": "<U3", "shape": [2], "rows": ["abc", ""]}},
        {"(image)": {"dtype": "<f4", "shape": [1, 2], "rows": [[0.5, 1]]}},
        {"e": {"dtype": "<f4", "shape": [0, 4], "rows": []}},
    )


def baselines() -> list[bytes]:
    sample = {"status": "wrong", "label": "d1", "missed": ["coin 0 0 9 9"], "false_positives": []}
    stages = {"detect": {"metrics": {"map": 0.5, "map_small": None}, "samples": {"a": sample, "b": {"status": "ok"}}}}
    test = {"run_id": "0123", "branch": "main", "commit": "cafe", "stages": stages}
    return dumped({"schema_version": 1, "tests": {"t": test}}, {"schema_version": 1, "tests": {}})


def manifests() -> list[dict[str, Any]]:
    label = {"stage": "detect", "task": "boxes", "path": "boxes.json", "tolerances": {"rtol": 0.1}}
    keypoints = {"task": "keypoints", "keypoints": ["a", "b"], "keypoint_sigmas": [0.1, 0.2], "skeleton": [[0, 1]]}
    return [
        {"samples": "images/*.png", "classes": ["coin"], "labels": [label], "tags": {"x": ["a", "b*"]}},
        {"samples": ["images/a.png", "images/*"], "labels": [{**label, **keypoints, "format": "coco"}]},
        {
            "samples": "images/*",
            "classes": {0: "coin", 7: "key"},
            "splits": {"train": ["a"], "val": ["b"]},
            "labels": [{"stage": "s", "task": "semantic", "path": "masks/{id}.png", "colors": {"coin": "#ff0000"}}],
        },
    ]


def voc() -> list[bytes]:
    box = "<bndbox><xmin>2</xmin><ymin>1</ymin><xmax>5</xmax><ymax>4</ymax></bndbox>"
    coin = f"<object><name>coin</name><difficult>1</difficult>{box}</object>"
    text = f"<annotation><filename>a.png</filename>{coin}{coin}</annotation>"
    return [
        text.encode(),
        b'<?xml version="1.0" encoding="utf-8"?>' + text.encode(),
        ('<?xml version="1.0" encoding="utf-16"?>' + text).encode("utf-16"),
        b"<annotation/>",
    ]


def cvat() -> list[bytes]:
    shapes = (
        '<box label="coin" xtl="1" ytl="1" xbr="5" ybr="4" rotation="0"/>'
        '<polygon label="key" points="1,1;5,1;5,4"/><mask label="coin" rle="2,3,1" left="1" top="1" width="3"'
        ' height="2"/><skeleton label="key"><points label="eye" points="1,2" occluded="1" outside="0"/></skeleton>'
        '<points label="coin" points="3,3"/>'
    )
    meta = (
        "<meta><task><labels><label><name>coin</name></label><label><name>key</name></label>"
        "<label><name>eye</name><parent>key</parent></label></labels></task></meta>"
    )
    image = '<image id="0" name="{}" width="8" height="6">{}</image>'
    body = meta + image.format("a.png", shapes) + '<image name="b.png" width="8" height="6"/>'
    return [f"<annotations>{body}</annotations>".encode(), b"<annotations/>"]


def png(mode: str = "L", size: tuple[int, int] = (4, 3), **options: Any) -> bytes:
    stream = io.BytesIO()
    image = Image.new(mode, size, 1 if mode in ("1", "L", "P", "I;16") else None)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def masks() -> list[bytes]:
    return [png("L"), png("P"), png("P", bits=4), png("1"), png("I;16"), png("RGB"), png("RGBA")]


def panoptic_png() -> list[bytes]:
    colours = np.zeros((6, 8, 3), np.uint8)
    colours[:3] = (1, 0, 0)
    colours[3:, :4] = (2, 1, 0)
    stream = io.BytesIO()
    Image.fromarray(colours).save(stream, "PNG")
    return [stream.getvalue()]


def images() -> list[bytes]:
    found = []
    for form, mode in (
        *((form, "RGB") for form in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "TGA", "ICO", "PCX", "SGI")),
        *((form, "L") for form in ("PNG", "TIFF", "MSP", "IM")),
        *(("TIFF", mode) for mode in ("F", "I", "CMYK", "LAB", "1")),
        ("DDS", "RGB"),
        ("QOI", "RGB"),
        ("EPS", "RGB"),
        ("JPEG2000", "RGB"),
        ("XBM", "1"),
    ):
        stream = io.BytesIO()
        try:
            Image.new("L" if mode == "1" else mode, (16, 12)).convert(mode).save(stream, form)
        except (OSError, KeyError, ValueError):  # this build of Pillow does not write it
            continue
        found.append(stream.getvalue())
    return [*found, b"Pf\n2 1\n-1.0\n" + bytes(8), b"P2 2 1 3 0 1\n", b"P1 2 1 0 1\n"]


def npy(array: Any, *, pickled: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=pickled)
    return stream.getvalue()


def npys() -> list[bytes]:
    table = np.zeros(3, dtype=[("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("label", "<u2")])
    return [
        npy(np.zeros((2, 3), np.uint8)),
        npy(np.ones(3, np.int64)),
        npy(np.asfortranarray(np.zeros((3, 3), ">f8"))),
        npy(table),
        npy(np.array(1.5)),
        npy(np.zeros((0, 3))),
    ]


def npzs() -> list[bytes]:
    found = []
    for save, arrays in (
        (np.savez, {"label": np.ones(3, np.int32), "instance": np.arange(3)}),
        (np.savez, {"xyz": np.zeros((1, 3), np.float32)}),
        (np.savez_compressed, {"label": np.zeros((2, 2), np.uint8), "xyz": np.zeros((2, 3))}),
    ):
        stream = io.BytesIO()
        save(stream, **arrays)  # type: ignore[arg-type]
        found.append(stream.getvalue())
    return found


def plys() -> list[bytes]:
    head = (
        "ply\nformat {} 1.0\ncomment x\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\n"
        "property uchar label\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    )
    lists = (
        "ply\nformat {} 1.0\nelement face 2\nproperty list uchar int vertex_indices\nelement vertex 1\n"
        "property double x\nproperty double y\nproperty double z\nproperty list uchar uchar w\nproperty char label\n"
        "end_header\n"
    )
    rows = [(1.0, 2.0, 3.0, 1), (0.5, 0.0, -1.0, 0)]
    made = [(head.format("ascii") + "1 2 3 1\n.5 0 -1 0\n3 0 1 0\n").encode()]
    for order, name in (("<", "binary_little_endian"), (">", "binary_big_endian")):
        body = b"".join(struct.pack(order + "fffB", *row) for row in rows) + struct.pack(order + "B3i", 3, 0, 1, 0)
        made.append(head.format(name).encode() + body)
        faces = struct.pack(order + "B1i", 1, 0) + struct.pack(order + "B2i", 2, 0, 0)
        made.append(lists.format(name).encode() + faces + struct.pack(order + "dddBBb", 1, 2, 3, 1, 9, 1))
    return [*made, (lists.format("ascii") + "1 0\n2 0 0\n1 2 3 1 9 1\n").encode()]


def pcds() -> list[bytes]:
    head = (
        "# .PCD v.7\nVERSION .7\nFIELDS x y z _ label\nSIZE 4 4 4 1 2\nTYPE F F F U U\nCOUNT 1 1 1 2 1\nWIDTH 2\n"
        "HEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 2\nDATA {}\n"
    )
    row = np.dtype([("x", "<f4", 3), ("_", "u1", 2), ("label", "<u2")])
    rows = np.zeros(2, row)
    columns = rows["x"].T.tobytes() + rows["_"].tobytes() + rows["label"].tobytes()
    packed = compress(columns)
    return [
        (head.format("ascii") + "1 2 3 0 0 1\n4 5 6 0 0 0\n").encode(),
        head.format("binary").encode() + rows.tobytes(),
        head.format("binary_compressed").encode() + struct.pack("<II", len(packed), len(columns)) + packed,
    ]


def las() -> list[bytes]:
    try:
        import laspy
    except ImportError:
        return [b"LASF" + bytes(400)]
    found = []
    for form, version, compressed in ((0, "1.2", False), (6, "1.4", False), (1, "1.2", True), (7, "1.4", True)):
        data = laspy.LasData(laspy.LasHeader(point_format=form, version=version))
        data.x = data.y = data.z = np.arange(3.0)
        data.classification = np.array([2, 6, 2], np.uint8)
        stream = io.BytesIO()
        data.write(stream, do_compress=compressed)
        found.append(stream.getvalue())
    return found


def lines(*rows: str) -> list[bytes]:
    return [f"{row}\n".encode() for row in rows]


def raw_clouds() -> Sequence[bytes]:
    return [np.zeros((5, 4), "<f4").tobytes(), np.arange(15, dtype="<f4").tobytes(), b""]
