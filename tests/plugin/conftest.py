"""A tiny golden dataset of four flat images, and a pipeline that reads the answer off the brightness."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# pytester forgets, after each inner session, every module that was not imported before it. Inner sessions would import
# numpy and scikit-learn anew each time, which is slow, and which numpy refuses.
_PRELOADED = (
    "hypothesis",
    "sklearn.metrics",
    "pytest_vizart.accuracy.metrics.classes",
    "pytest_vizart.golden.formats.class_csv",
    "pytest_vizart.plugin.closing",
    "pytest_vizart.plugin.fixtures",
    "pytest_vizart.plugin.summary",
)
for _name in _PRELOADED:
    importlib.import_module(_name)

BRIGHTNESS = {"a": ("dark", 10), "b": ("dark", 40), "c": ("light", 200), "d": ("light", 250)}

PIPELINE = """
import numpy as np
from PIL import Image

def decode(path):
    return np.asarray(Image.open(path))

def classify(image):
    return "light" if image.mean() > 128 else "dark"
"""

LOOP_TEST = """
import pytest
from pipeline import classify, decode

{markers}
def test_shades(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        with vizart_run.stage("decode"):
            image = decode(sample.path)
        with vizart_run.stage("classify") as stage:
            label = stage.output(classify(image))
        vizart_run.predict(label)
"""


def make_shades(folder: Path, name: str = "shades", labels: dict[str, str] | None = None) -> Path:
    """Write the dataset and return its folder."""
    dataset = folder / name
    (dataset / "images").mkdir(parents=True)
    rows = ["file,label"]
    for sample, (label, value) in BRIGHTNESS.items():
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(dataset / "images" / f"{sample}.png")
        rows.append(f"{sample}.png,{(labels or {}).get(sample, label)}")
    (dataset / "classes.csv").write_text("\n".join(rows) + "\n")
    (dataset / "golden.yaml").write_text(
        "samples: images/*.png\nclasses: [dark, light]\n"
        "labels:\n  - {stage: classify, task: classes, format: csv, path: classes.csv}\n"
        "tags: {night: [a, b]}\n"
    )
    return dataset


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A user's project: pipeline and golden data; the test is the test's own."""
    make_shades(pytester.path / "golden")
    pytester.makepyfile(pipeline=PIPELINE)
    return pytester


@pytest.fixture
def shades(project: pytest.Pytester) -> pytest.Pytester:
    """The project with its loop test, without markers."""
    project.makepyfile(test_shades=LOOP_TEST.format(markers=""))
    return project
