"""Children that are killed, and a project for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.forking import Forking
from tests.plugin.conftest import PIPELINE, make_shades

TESTS = """
import os
from pipeline import classify, decode

def note(text):
    with open(os.environ["VIZART_NOTES"], "ab", buffering=0) as file:
        file.write(text.encode() + b"\\n")
    if os.environ.get("VIZART_DIE", "").partition(":")[2] == text:
        if os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].startswith(os.environ["VIZART_DIE"].partition(":")[0]):
            os.kill(os.getpid(), 9)

def look(run, sample):
    for _ in range(int(os.environ.get("SPANS", "1")) - 1):
        with run.stage("decode"):
            pass
    with run.stage("decode"):
        note(f"begin decode {sample.id}")
        image = decode(sample.path)
        note("end")
    with run.stage("classify") as stage:
        note(f"begin classify {sample.id}")
        label = stage.output(classify(image))
        note("end")
    run.predict(label)

def test_all(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        look(vizart_run, sample)

def test_one(vizart_run, golden_sample):
    look(vizart_run, golden_sample)

def test_last(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        look(vizart_run, sample)
"""


@pytest.fixture(scope="session")
def long_form() -> bool:
    return os.environ.get("VIZART_FAULTS") == "long"


@pytest.fixture(scope="session")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    if not hasattr(os, "fork") or not Path("/proc/self/fd").is_dir():
        pytest.skip("needs fork and /proc")
    children = Forking(tmp_path_factory.mktemp("children"))
    yield children
    children.close()


@pytest.fixture(scope="session")
def mounting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking]:
    """Children that may mount: in a namespace of their own, which goes with them."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    place = tmp_path_factory.mktemp("mount")
    allowed = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    tried = subprocess.run(allowed, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"may not mount here: {tried.stderr.strip()}")
    children = Forking(tmp_path_factory.mktemp("mounting"), under=("unshare", "-rm"))
    yield children
    children.close()


@pytest.fixture(scope="session")
def blueprint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project, to be copied."""
    folder = tmp_path_factory.mktemp("blueprint")
    make_shades(folder / "golden")
    (folder / "pipeline.py").write_text(PIPELINE)
    (folder / "test_shades.py").write_text(TESTS)
    return folder
