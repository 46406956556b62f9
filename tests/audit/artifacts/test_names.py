from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.audit.artifacts import ArtifactStore, safe_name

HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="./\\: \0\n\x1b|*?\ud800Aa", max_size=300),
    st.sampled_from(
        ["CON", "nul", "Com1.txt", "lpt9", "aux .x", "../../etc/passwd", "a.", "a ", "..", "x" * 300, "-rf"]
    ),
)


@given(HOSTILE)
def test_no_name_leaves_its_folder_on_any_system(name: str) -> None:
    cleaned = safe_name(name)
    assert cleaned
    assert not set(cleaned) & set('/\\:*?"<>|\0\n\x1b')
    assert cleaned not in (".", "..")
    assert cleaned == cleaned.strip(" .")
    assert Path("folder", cleaned).parent == Path("folder")
    assert PureWindowsPath(cleaned).stem.partition(".")[0].strip().lower() not in ("con", "nul", "aux", "com1", "lpt9")
    assert len(cleaned) <= 110


@given(HOSTILE, HOSTILE)
def test_two_names_never_become_one(one: str, other: str) -> None:
    if one != other:
        assert safe_name(one) != safe_name(other)


def test_names_that_are_safe_stay_what_they_are() -> None:
    for name in ("detect", "image.png", "scene 7", "a_b-c.tar.gz"):
        assert safe_name(name) == name


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path, "run-1")


def test_names_that_are_cleaned_alike_stay_apart(store: ArtifactStore) -> None:
    paths = {store.save(name, "x", stage=stage, sample=sample)
             for name in ("a:b", "a*b") for stage in ("::", "//") for sample in ("x/y", "x_y", None)}  # fmt: skip
    assert len(paths) == 12


def test_names_that_differ_by_capitals_alone_are_two_files_also_where_the_system_does_not_tell_them(
    store: ArtifactStore,
) -> None:
    paths = [store.save(name, "x", stage=stage) for stage in ("Detect", "detect") for name in ("A.png", "a.png")]
    assert len({str(path).lower() for path in paths}) == 4
    assert store.save("A.png", "again", stage="Detect") == paths[0]


def test_sample_and_name_that_join_alike_are_two_files(store: ArtifactStore) -> None:
    paths = {
        store.save("b-c", "1", stage="s", sample="a"),
        store.save("c", "2", stage="s", sample="a-b"),
        store.path_of(store.put("", "3", stage="s", samples=["a-b-c"])),
        store.save("a-b-c", "4", stage="s"),
    }
    assert sorted(path.read_text() for path in paths) == ["1", "2", "3", "4"]


def test_long_sample_names_do_not_swallow_the_name(store: ArtifactStore) -> None:
    batch = [f"sample_{number}" for number in range(64)]
    masks, boxes = (store.put(name, "x", stage="s", samples=batch) for name in ("masks", "boxes"))
    assert masks.path.endswith("/sample_0-and-63-more-masks.txt")
    assert masks.path != boxes.path
    assert store.save("masks", "x", stage="s", sample="|".join(batch)).name.endswith("-masks.txt")
