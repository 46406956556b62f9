"""Small files that would be large, deep, or code, if they were believed."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.errors import GoldenError
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.formats import csv_table
from tests.fuzz import seeds
from tests.fuzz.bench import require_telling
from tests.fuzz.hostile_sets import COCO_FILE, ENTRIES, LFS, WHOLE, made, refusal
from tests.golden.datasets import write_images, write_manifest

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("pwned",))


@pytest.mark.parametrize("packed", [False, True])
def test_pickles_are_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.chdir(tmp_path)
    array = np.array([Bomb()], dtype=object)
    content = seeds.npy(array, pickled=True)
    name = "npy"
    if packed:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("label.npy", content)
        content, name = stream.getvalue(), "npz"
    label, good = ENTRIES[name]
    dataset = made(tmp_path, label, good, content)
    assert "pickled" in str(refusal(lambda: dataset["a"].label("s")))
    (tmp_path / str(label["path"]).replace("{id}", "a")).write_bytes(pickle.dumps(Bomb()))
    refusal(lambda: dataset["a"].label("s"))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", ["voc", "cvat"])
def test_billion_laughs_in_xml(tmp_path: Path, name: str) -> None:
    root = "annotation" if name == "voc" else "annotations"
    bomb = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><{root}>&l9;</{root}>'.encode()
    label = ENTRIES["voc"][0] if name == "voc" else WHOLE["cvat"]
    dataset = made(tmp_path, label, ENTRIES["voc"][1] if name == "voc" else bomb, bomb)
    assert "<!DOCTYPE" in str(refusal(lambda: dataset["a"].label("s"), megabytes_most=50))
    for encoded in (bomb.decode().replace("1.0", '1.0" encoding="utf-16').encode("utf-16"), b"\xef\xbb\xbf" + bomb):
        dataset = made(tmp_path, label, ENTRIES["voc"][1] if name == "voc" else encoded, encoded)
        assert "<!DOCTYPE" in str(refusal(partial(dataset["a"].label, "s"), megabytes_most=50))


def test_external_entities_are_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("coin")
    content = f'<!DOCTYPE x [<!ENTITY s SYSTEM "file://{tmp_path}/secret">]><annotation>&s;</annotation>'
    dataset = made(tmp_path, *ENTRIES["voc"], content.encode())
    assert "coin" not in str(refusal(lambda: dataset["a"].label("s")))


@pytest.mark.parametrize("place", ["golden.yaml", "l/data.yaml"])
def test_billion_laughs_in_yaml(tmp_path: Path, place: str) -> None:
    made(tmp_path, *ENTRIES["yolo"])
    anchors = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10))
    (tmp_path / place).write_text(f"l0: &l0 [ha]\n{anchors}\nnames: *l9\n")
    assert "aliases" in str(refusal(lambda: GoldenDataset.load(tmp_path), megabytes_most=50))


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.mkdir [pwned]", "!!python/name:os.system x", "!x {a: 1}"])
def test_tags_of_yaml_make_no_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_manifest(tmp_path, f"samples: {tag}\nlabels: []\n")
    refusal(lambda: GoldenDataset.load(tmp_path))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("depth", [500, 1000, 100_000])
@pytest.mark.parametrize("name", ["coco", "lvis", "jsonl", "model", "labelme"])
def test_deeply_nested_json(tmp_path: Path, name: str, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    content = {
        "coco": COCO_FILE % deep,
        "lvis": COCO_FILE % deep,
        "jsonl": f'{{"file_name": "a.png", "boxes": {deep}, "labels": [0]}}',
        "model": f'{{"boxes": {deep}, "labels": [0]}}',
        "labelme": f'{{"shapes": {deep}}}',
    }[name]
    if name in ENTRIES:
        dataset = made(tmp_path, *ENTRIES[name], content.encode())
    else:
        dataset = made(tmp_path, WHOLE[name], content.encode())
    refusal(lambda: dataset["a"].label("s"), megabytes_most=100)


def zip_bomb(size: int, *, claims: int | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("label.npy", "w") as member:
        head = io.BytesIO()
        count = size if claims is None else claims
        np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (count,)})
        member.write(head.getvalue())
        for _ in range(size // 1_000_000):
            member.write(bytes(1_000_000))
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [zip_bomb(420_000_000), zip_bomb(1_000_000, claims=10**12), zip_bomb(1_000_000, claims=10**30)],
    ids=["unpacks to 420 MB", "claims a terabyte", "claims more than there is"],
)
def test_zip_bombs(tmp_path: Path, content: bytes) -> None:
    assert len(content) < 1_000_000
    dataset = made(tmp_path, *ENTRIES["npz"], content)
    refusal(lambda: dataset["a"].label("s"), megabytes_most=50)


def test_overlapping_members_of_an_archive_are_bounded_together(tmp_path: Path) -> None:
    content = bytearray(zip_bomb(100_000_000))
    start = content.rindex(b"PK\1\2")
    end = content.rindex(b"PK\5\6")
    entry = bytes(content[start:end])
    copies = b"".join(entry.replace(b"label.npy", b"lab%02d.npy" % number) for number in range(50))
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 50, 50, len(copies), start, 0)
    dataset = made(tmp_path, *ENTRIES["npz"], bytes(content[:start]) + copies + tail)
    refusal(lambda: dataset["a"].label("s"), megabytes_most=50)


def huge_headers() -> dict[str, bytes]:
    png = bytearray(seeds.png("L"))
    png[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    bmp = io.BytesIO()
    Image.new("L", (4, 3)).save(bmp, "BMP")
    wide = bytearray(bmp.getvalue())
    wide[18:26] = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
    return {
        "png": bytes(png),
        "bmp": bytes(wide),
        "ppm": b"P6\n60000 60000 255\n",
        "ppm digits": b"P6\n" + b"9" * 5000 + b" 1 255\n",
        "gif": b"GIF89a\xff\xff\xff\xff\0\0\0",
        "tga": b"\0\0\2" + bytes(9) + b"\xff\xff\xff\xff\x18\0",
        "psd": b"8BPS\0\1" + bytes(6) + b"\0\3" + struct.pack(">II", 2**30, 2**30) + b"\0\x08\0\3",
    }


@pytest.mark.parametrize("name", huge_headers())
def test_headers_of_huge_images_allocate_nothing(tmp_path: Path, name: str) -> None:
    content = huge_headers()[name]
    for form in ("image", "png"):
        dataset = made(tmp_path / form, *ENTRIES[form], content)
        refusal(partial(dataset["a"].label, "s"), megabytes_most=50)
    boxes = made(tmp_path / "yolo", *ENTRIES["yolo"])  # shares of the size in the header
    Path(boxes["a"].path).write_bytes(content)
    refusal(lambda: boxes["a"].label("s"), megabytes_most=50)
    refusal(boxes["a"].load, megabytes_most=50)


@pytest.mark.parametrize("claim", ["99999999999", "9" * 400, "-1", "1e9"])
@pytest.mark.parametrize("name", ["ply", "pcd"])
def test_clouds_that_claim_more_than_they_have(tmp_path: Path, name: str, claim: str) -> None:
    label, good = ENTRIES[name]
    bad = (
        good.replace(b"vertex 2", b"vertex " + claim.encode())
        if name == "ply"
        else good.replace(b"WIDTH 2", b"WIDTH " + claim.encode()).replace(b"POINTS 2", b"POINTS " + claim.encode())
    )
    dataset = made(tmp_path, label, good, bad)
    refusal(lambda: dataset["a"].label("s"), megabytes_most=50)


def test_a_manifest_that_is_something_else_is_told(tmp_path: Path) -> None:
    for content in (b"\x80\x04K*.", LFS, b"\0" * 1000, b"\xff\xfe" + "samples: a".encode("utf-16-le"), b"- a\n", b""):
        write_images(tmp_path, ["images/a.png"])
        (tmp_path / "golden.yaml").write_bytes(content)
        with pytest.raises(GoldenError) as caught:
            GoldenDataset.load(tmp_path)
        require_telling(caught.value)


@pytest.mark.parametrize("part", ["element e%d 0\n", "property char e%d\n"])
def test_headers_of_ply_files_have_few_parts(tmp_path: Path, part: str) -> None:
    """Each name is compared with all before it: a megabyte of them took minutes."""
    head = "ply\nformat ascii 1.0\nelement vertex 0\n" + "".join(part % number for number in range(50_000))
    dataset = made(tmp_path, *ENTRIES["ply"], head.encode() + b"end_header\n")
    assert "at most 1,000" in str(refusal(lambda: dataset["a"].label("s")))


def test_a_sample_has_so_many_rows_of_a_table_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "_MAX_ROWS_OF_SAMPLE", 3)
    rows = ["file,x1,y1,x2,y2,label", *["a.png,1,1,2,2,coin"] * 4, *["b.png,1,1,2,2,coin"] * 3]
    dataset = made(tmp_path, WHOLE["csv"], "\n".join(rows).encode())
    error = refusal(lambda: dataset["a"].label("s"))
    assert (error.place, error.found) == ("line 5", "4 of a")
    assert len(dataset["b"].label("s")) == 3  # type: ignore[arg-type]


def test_lines_of_one_sample_are_not_parsed_by_the_million(tmp_path: Path) -> None:
    dataset = made(tmp_path, WHOLE["jsonl"], b'{"file_name": "a.png"}\n' * 300_000)
    error = refusal(lambda: dataset["a"].label("s"), megabytes_most=100)
    assert "line 12" in str(error.found)
    assert "line 13" not in str(error.found)


@pytest.mark.parametrize("number", ["1" + ":1" * 300_000, "1" + ":1" * 300 + ":1.5", "0x" + "f" * 5000, "9" * 5000])
def test_numbers_of_yaml_are_short(tmp_path: Path, number: str) -> None:
    """To the base of 60, as YAML 1.1 has it, the time grows with the square of the length."""
    write_manifest(tmp_path, f"samples: a\nname: {number}\nlabels: []\n")
    assert "quote it" in str(refusal(lambda: GoldenDataset.load(tmp_path)))


def test_yaml_is_shorter_than_json(tmp_path: Path) -> None:
    write_manifest(tmp_path, "samples: [" + "a," * 600_000 + "]\nlabels: []\n")
    assert "write it as JSON" in str(refusal(lambda: GoldenDataset.load(tmp_path)))
