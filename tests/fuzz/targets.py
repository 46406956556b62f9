"""All that is fuzzed, by name: each registered format, the manifest, inputs, recorded outputs, baselines, results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import yaml

from pytest_vizart.errors import GoldenError, GoldenFormatError
from pytest_vizart.golden.committed import read_committed
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.formats.coco_columns import read_coco_columns
from pytest_vizart.golden.formats.coco_ids import IdTable
from pytest_vizart.golden.formats.coco_results import CocoTask, read_coco_results
from pytest_vizart.golden.inputs import load_input
from pytest_vizart.golden.recognition import recognise
from pytest_vizart.golden.recorded import RecordedStore
from pytest_vizart.golden.validation import validate
from tests.fuzz import seeds
from tests.fuzz.bench import Kind, Target, refused
from tests.fuzz.format_targets import COCO_WORDS, JSON_WORDS, format_targets, write
from tests.fuzz.predictions import read_predictions
from tests.golden.datasets import write_images


def _images(root: Path) -> None:
    write_images(root, ["images/a.png", "images/b.png"])
    write(root / "boxes.json", seeds.coco()[0])


def _load(root: Path) -> None:
    """The manifest is what is fuzzed: everything that opens a dataset goes by it."""
    dataset_: list[GoldenDataset] = []
    refused(lambda: dataset_.append(GoldenDataset.load(root)))
    for one in dataset_:
        for sample in one:
            refused(lambda sample=sample: sample.labels)
        _ = one.digest
    for finding in validate(root).findings:
        str(finding).encode()


def _input(name: str, form: Callable[[], Any]) -> Target:
    file = f"a.{name.rpartition('-')[2]}"
    kind: Kind = "text" if file == "a.xyz" else "bytes"
    return Target(name, file, kind, form, lambda root: refused(lambda: load_input(root / file)))


def _recorded(extension: str, form: Callable[[], Any], kind: Kind) -> Target:
    return Target(
        f"recorded-{extension}",
        f"blur/a.{extension}",
        kind,
        form,
        lambda root: refused(lambda: RecordedStore(root).read("blur", "a"), GoldenFormatError),
        words=JSON_WORDS if kind == "json" else (),
    )


def _results(root: Path) -> None:
    for task in get_args(CocoTask):
        refused(
            lambda task=task: read_coco_results(
                root / "gt.json", IdTable([1, 2]), IdTable([1, 2]), task, sizes=[(6, 8), (6, 8)], keypoint_count=2
            ),
            GoldenFormatError,
        )


def _columns(root: Path) -> None:
    for task in get_args(CocoTask):
        refused(lambda task=task: read_coco_columns(root / "gt.json", task), GoldenFormatError)


def _recognised(file: str) -> Callable[[Path], None]:
    def read(root: Path) -> None:
        refused(lambda: recognise(root), GoldenError)
        refused(lambda: [sample.labels for sample in GoldenDataset.load(root)], GoldenError)

    return read


def _recognition(name: str, file: str, form: Callable[[], Any], kind: Kind) -> Target:
    return Target(f"recognised-{name}", file, kind, form, _recognised(file), _images_alone)


def _images_alone(root: Path) -> None:
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "labels").mkdir(exist_ok=True)
    write(root / "labels" / "classes.txt", b"coin\nkey\n")


def _others() -> list[Target]:
    manifests = seeds.manifests()
    texts = [yaml.safe_dump(one).encode() for one in manifests]
    words = (b"&a ", b"*a", b"!!python/object:os.system ", b"- ", b"? ", b"<<: ", b"1:1:1", b"0x", b"2001-01-01", b"~")
    return [
        Target("manifest-yaml", "golden.yaml", "text", lambda: texts, _load, _images, words),
        Target("manifest-json", "golden.json", "json", lambda: seeds.dumped(*manifests), _load, _images, JSON_WORDS),
        _input("input-bin", seeds.raw_clouds),
        _input("input-xyz", lambda: seeds.lines("1 2 3\n4,5,6 7", "1;2;3")),
        _recorded("txt", lambda: [b"text\r\n"], "text"),
        _recorded("png", seeds.masks, "bytes"),
        _recorded("json", seeds.recorded_json, "json"),
        _recorded("npz", seeds.npzs, "bytes"),
        Target(
            "baseline",
            "baseline.json",
            "json",
            seeds.baselines,
            lambda root: refused(lambda: read_committed(root / "baseline.json", "t"), GoldenFormatError),
            words=JSON_WORDS,
        ),
        Target("coco-results", "gt.json", "json", seeds.coco_results, _results, words=COCO_WORDS),
        Target("coco-columns", "gt.json", "json", seeds.coco, _columns, words=COCO_WORDS),
        _recognition("json", "gt.json", seeds.coco, "json"),
        _recognition("xml", "gt.xml", seeds.cvat, "text"),
        _recognition("csv", "gt.csv", lambda: seeds.lines("file,label\na.png,coin"), "text"),
        _recognition("txt", "labels/a.txt", lambda: seeds.lines("0 .5 .5 .2 .2"), "text"),
        Target(
            "predictions",
            "a.object",
            "bytes",
            lambda: [bytes([number, number + 7, 3, 1, 2, 5]) for number in range(0, 240, 12)],
            lambda root: read_predictions((root / "a.object").read_bytes()),
        ),
    ]


TARGETS: dict[str, Target] = {target.name: target for target in [*format_targets(), *_others()]}
