"""Each registered format: a dataset whose label file is fuzzed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import RootModel

from pytest_vizart.records.labels import TASKS
from tests.fuzz import seeds
from tests.fuzz.bench import Target, dataset

NAMES = ["coin", "key"]
JSON_WORDS = (b'"', b"[", b"]", b"{", b"}", b",", b":", b"null", b"true", b"-", b"1e308", b"\\u0000", b"\\ud800")
COCO_WORDS = (
    *JSON_WORDS,
    *(f'"{key}"'.encode() for key in ("images", "annotations", "categories", "id", "image_id", "category_id", "bbox")),
    *(f'"{key}"'.encode() for key in ("segmentation", "counts", "size", "area", "iscrowd", "keypoints", "file_name")),
)
_XML_WORDS = (b"<", b"</", b"/>", b"<!DOCTYPE", b"<!ENTITY", b"<![CDATA[", b"&#0;", b"&amp;", b"<?xml", b"encoding=")
_PLY_WORDS = tuple(
    f"{word}\n".encode()
    for word in (
        "element vertex 99999999999",
        "element face 3",
        "property list uint double w",
        "property double x",
        "property uchar label",
        "format ascii 1.0",
        "format binary_big_endian 1.0",
        "end_header",
    )
)
_PCD_WORDS = tuple(
    f"{word}\n".encode()
    for word in (
        "FIELDS x y z label",
        "SIZE 8 8 8 4",
        "COUNT 1 1 1 99999",
        "WIDTH 99999999",
        "POINTS 99999999",
        "DATA ascii",
        "DATA binary_compressed",
        "TYPE F F F I",
    )
)


class Anything(RootModel[Any]):
    """The user's model that hands on whatever the file holds."""

    def to_label(self) -> Any:
        return self.root


def _entries(path: str, *tasks: str, **keys: Any) -> list[dict[str, Any]]:
    return [{"task": task, "path": path, **keys} for task in tasks]


def _coco_entries(path: str) -> list[dict[str, Any]]:
    tasks = ("boxes", "instances", "keypoints", "semantic", "panoptic")
    given = _entries(path, *tasks, format="coco", masks="png", classes=NAMES)
    own = _entries(path, *tasks, format="coco", masks="png")
    return [*given, *own, *_entries(path, "semantic", format="coco", ignore=0)]


def _panoptic_masks(root: Path) -> None:
    (root / "png").mkdir(exist_ok=True)
    (root / "png" / "a.png").write_bytes(seeds.panoptic_png()[0])


def _panoptic_json(root: Path) -> None:
    (root / "gt.json").write_bytes(seeds.coco()[2])


def _yolo_entries(path: str) -> list[dict[str, Any]]:
    kinds = {"boxes": "boxes", "instances": "segments", "keypoints": "poses", "oriented_boxes": "oriented"}
    return [
        {"task": task, "path": path, "format": "yolo", "kind": kind, "keypoints": ["eye", "ear"]}
        for task, kind in kinds.items()
    ]


def _yolo_labels(root: Path) -> None:
    (root / "labels").mkdir(exist_ok=True)
    (root / "labels" / "a.txt").write_text("0 .5 .5 .1 .1\n")


def _clouds(extension: str, form: str, *, instance: str | None = None) -> list[dict[str, Any]]:
    path = f"images/{{id}}{extension}"
    return _entries(path, "points", "cloud", format=form, instance_property=instance)


def format_targets() -> list[Target]:
    tables = seeds.lines(
        "file,label\na.png,coin\nb.png,1", "image,x1,y1,x2,y2,label,text\na,1,2,3,4,key,x", "a.png coin"
    )
    boxes = seeds.lines(
        "0 .5 .5 .2 .2", "1 .1 .1 .5 .1 .5 .5", "0 .5 .5 .2 .2 .1 .1 2 .2 .2 0", "1 0 0 .5 0 .5 .5 0 .5"
    )
    kitti = seeds.lines("coin 0 0 .1 1 1 5 4 1 2 3 1 2 3 .5\nDontCare -1 -1 -10 1 1 2 2 -1 -1 -1 -1000 -1000 -1000 -10")
    open_images = seeds.lines("ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\na,coin,0.1,0.5,0.1,0.5,1")
    names = seeds.lines("names: [coin, key]\nkpt_shape: [2, 3]", "names: {0: coin, 1: key}")
    folder = {"task": "classes", "path": "images", "format": "folders"}
    model = f"{Anything.__module__}:Anything"
    json_: dict[str, Any] = {"kind": "json", "words": JSON_WORDS}
    coco_: dict[str, Any] = {"kind": "json", "words": COCO_WORDS, "prepare": _panoptic_masks}
    text_: dict[str, Any] = {"kind": "text", "words": (b"coin", b"key", b"a.png", b";", b"\t", b'"')}
    xml_: dict[str, Any] = {"kind": "text", "words": _XML_WORDS}
    ply_: dict[str, Any] = {"words": _PLY_WORDS, "loads": True, "classes": NAMES}
    pcd_: dict[str, Any] = {"words": _PCD_WORDS, "loads": True, "classes": NAMES}
    dense: dict[str, Any] = {"loads": True, "classes": NAMES}
    whole = {"rows": _entries("boxes.csv", "boxes", format="csv", box_format="xywh")}
    return [
        dataset("coco", "gt.json", _coco_entries("gt.json"), seeds.coco, **coco_),
        dataset(
            "coco-panoptic-png",
            "png/a.png",
            _entries("gt.json", "panoptic", masks="png"),
            seeds.panoptic_png,
            prepare=_panoptic_json,
        ),
        dataset("lvis", "gt.json", _entries("gt.json", "boxes", "instances", format="lvis"), seeds.coco, **coco_),
        dataset(
            "csv",
            "boxes.csv",
            [*_entries("boxes.csv", "classes", "boxes", "text", format="csv"), *whole["rows"]],
            lambda: tables,
            classes=NAMES,
            **text_,
        ),
        dataset(
            "cvat",
            "gt.xml",
            [
                *_entries("gt.xml", "boxes", "instances", "oriented_boxes", "keypoints", format="cvat"),
                *_entries("gt.xml", "keypoints", format="cvat", keypoints=["eye"], classes=NAMES),
            ],
            seeds.cvat,
            **xml_,
        ),
        dataset("folders", "images/coin/a.png", [folder], seeds.masks, samples="images/**/*"),
        dataset(
            "image", "images/a.png", _entries("images/{id}.png", "image", format="image"), seeds.images, loads=True
        ),
        dataset(
            "jsonl",
            "gt.jsonl",
            _entries("gt.jsonl", "classes", "boxes", "text", "array", format="jsonl"),
            seeds.json_lines,
            classes=NAMES,
            **json_,
        ),
        dataset(
            "kitti",
            "kitti/a.txt",
            _entries("kitti/{id}.txt", "boxes", "boxes_3d", format="kitti"),
            lambda: kitti,
            classes=NAMES,
            **text_,
        ),
        dataset(
            "labelme",
            "json/a.json",
            _entries("json/{id}.json", "boxes", "instances", "keypoints", format="labelme", keypoints=["eye"]),
            seeds.labelme,
            classes=NAMES,
            **json_,
        ),
        dataset(
            "las",
            "images/a.las",
            _clouds(".las", "las"),
            seeds.las,
            samples="images/*.las",
            classes={2: "a", 6: "b"},
            loads=True,
        ),
        dataset(
            "lidarseg",
            "seg/a.bin",
            _entries("seg/{id}.bin", "points", format="lidarseg"),
            lambda: [b"\0\1\1"],
            classes=NAMES,
        ),
        dataset(
            "model",
            "json/a.json",
            _entries("json/{id}.json", *TASKS, format="model", model=model, keypoints=["eye", "ear"]),
            seeds.models,
            classes=NAMES,
            **json_,
        ),
        dataset(
            "model-of-all",
            "gt.json",
            _entries("gt.json", "boxes", "array", format="model", model=model),
            lambda: [b'{"a": %s, "b.png": null}' % one for one in seeds.models()],
            classes=NAMES,
            **json_,
        ),
        dataset(
            "npy",
            "images/a.npy",
            _entries("images/{id}.npy", "semantic", "points", "cloud", "image", "array", format="npy"),
            seeds.npys,
            samples="images/*.npy",
            **dense,
        ),
        dataset(
            "npz",
            "images/a.npz",
            [
                *_entries("images/{id}.npz", "semantic", "points", "array", format="npy", instance_property="instance"),
                *_entries("images/{id}.npz", "cloud", format="npy", property="xyz"),
            ],
            seeds.npzs,
            samples="images/*.npz",
            **dense,
        ),
        dataset(
            "openimages",
            "gt-bbox.csv",
            _entries("gt-bbox.csv", "boxes", format="openimages"),
            lambda: open_images,
            classes=NAMES,
            **text_,
        ),
        dataset(
            "openimages-names",
            "class-descriptions.csv",
            _entries("gt-bbox.csv", "boxes", format="openimages"),
            lambda: seeds.lines("/m/0,coin\n/m/1,key"),
            prepare=lambda root: write(root / "gt-bbox.csv", open_images[0]),
            **text_,
        ),
        dataset(
            "pcd", "images/a.pcd", _clouds(".pcd", "pcd", instance="z"), seeds.pcds, samples="images/*.pcd", **pcd_
        ),
        dataset("ply", "images/a.ply", _clouds(".ply", "ply"), seeds.plys, samples="images/*.ply", **ply_),
        dataset(
            "png",
            "images/a.png",
            [
                *_entries("images/{id}.png", "semantic", "panoptic", format="png", ignore=255),
                *_entries("images/{id}.png", "semantic", format="png", colors={"coin": "#000000", "key": "#010101"}),
            ],
            seeds.masks,
            samples="images/a.png",
            **dense,
        ),
        dataset(
            "semantickitti",
            "seg/a.label",
            _entries("seg/{id}.label", "points", format="semantickitti"),
            lambda: [bytes(8), b"\1\0\3\0"],
            classes=NAMES,
        ),
        dataset(
            "text",
            "text/a.txt",
            _entries("text/{id}.txt", "text"),
            lambda: [b"EXIT\r\n", b"\xef\xbb\xbfa"],
            kind="text",
        ),
        dataset("voc", "xml/a.xml", _entries("xml/{id}.xml", "boxes", format="voc"), seeds.voc, classes=NAMES, **xml_),
        dataset("yolo", "labels/a.txt", _yolo_entries("labels/{id}.txt"), lambda: boxes, classes=NAMES, **text_),
        dataset(
            "yolo-names",
            "labels/data.yaml",
            _yolo_entries("labels/{id}.txt"),
            lambda: names,
            prepare=_yolo_labels,
            **text_,
        ),
        dataset(
            "yolo-classes",
            "labels/classes.txt",
            _yolo_entries("labels/{id}.txt"),
            lambda: seeds.lines("coin\nkey"),
            prepare=_yolo_labels,
            **text_,
        ),
    ]


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
