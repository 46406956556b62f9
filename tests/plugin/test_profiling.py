"""Profiling in a session: every stage of every kind of pipeline exactly once, limits, levels, what the user adds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart import History
from pytest_vizart.profiling.probes.heap import heap_trimmer
from tests.plugin.conftest import LOOP_TEST

SAMPLES = 4  # of the dataset; --vizart-warmup=0 --vizart-passes=2 make eight executions of each stage
TURNS = 8
PLAIN = ("-p", "no:randomly", "--vizart-warmup=0", "--vizart-passes=2", "--vizart-json=result.json")


def stage_counts(folder: Path) -> Counter[tuple[str, str | None]]:
    rows = History(folder / ".vizart").spans().to_pylist()
    assert [row["error"] for row in rows if row["error"]] == []
    return Counter((row["stage"], row["parent"]) for row in rows if row["stage"] != "(calibration)")


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


WORK = """
from pytest_vizart import profile

@profile
def square(number):
    return number * number
"""
PIPELINES = {
    "scikit-learn": (
        """
        import numpy as np
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MinMaxScaler, StandardScaler
        from sklearn.tree import DecisionTreeClassifier

        values = np.arange(12.0).reshape(6, 2)
        model = make_pipeline(StandardScaler(), MinMaxScaler(), DecisionTreeClassifier())
        model.fit(values, [0, 0, 0, 1, 1, 1])

        def run(vizart_run, golden_dataset):
            vizart_run.watch(model)
            for sample in vizart_run.samples(golden_dataset):
                model.predict(values)
        """,
        {("standardscaler", None): 1, ("minmaxscaler", None): 1, ("decisiontreeclassifier", None): 1},
    ),
    "a class with .stages": (
        """
        class Detect:
            name = "detect"
            def preprocess(self, value): return value
            def predict(self, value): return value
            def postprocess(self, value): return value
            def run(self, value): return self.postprocess(self.predict(self.preprocess(value)))

        class Decode:
            name = "decode"
            def process(self, value): return value

        class Model:
            stages = [Decode(), Detect()]

        def run(vizart_run, golden_dataset):
            vizart_run.check(Model(), golden_dataset)
        """,
        {
            ("decode", None): 1,
            ("detect", None): 1,
            ("detect.preprocess", "detect"): 1,
            ("detect.predict", "detect"): 1,
            ("detect.postprocess", "detect"): 1,
        },
    ),
    "a thread pool": (
        """
        from concurrent.futures import ThreadPoolExecutor
        from work import square

        def run(vizart_run, golden_dataset):
            with ThreadPoolExecutor(3) as pool:
                for sample in vizart_run.samples(golden_dataset):
                    with vizart_run.stage("all"):
                        assert sum(pool.map(square, range(5))) == 30
        """,
        {("all", None): 1, ("square", "all"): 5},
    ),
    "an asyncio pipeline": (
        """
        import asyncio

        async def fetch(path):
            await asyncio.sleep(0)
            return path

        async def detect(path):
            await asyncio.gather(*(fetch(path) for _ in range(3)))

        def run(vizart_run, golden_dataset):
            vizart_run.watch("test_run:fetch")
            vizart_run.check([("fetch it", fetch), ("detect", detect)], golden_dataset)
        """,
        None,
    ),
    "a process pool": (
        """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from work import square

        def run(vizart_run, golden_dataset):
            with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("{method}")) as pool:
                for sample in vizart_run.samples(golden_dataset):
                    with vizart_run.stage("all"):
                        assert sum(pool.map(square, range(5))) == 30
        """,
        {("all", None): 1, ("square", "all"): 5},
    ),
    "a list": (
        """
        def run(vizart_run, golden_dataset):
            vizart_run.check([("a", len), ("b", lambda number: number + 1)], golden_dataset)
        """,
        {("a", None): 1, ("b", None): 1},
    ),
}
# One name for what is one thing: the list's name stands before the watch's.
PIPELINES["an asyncio pipeline"] = (
    PIPELINES["an asyncio pipeline"][0].replace('("fetch it", fetch), ', ""),
    {("detect", None): 1, ("fetch", "detect"): 3},
)
CASES = [
    pytest.param(code.replace("{method}", method), counts, id=f"{name} {method}".strip())
    for name, (code, counts) in PIPELINES.items()
    for method in (("fork", "spawn", "forkserver") if "{method}" in code else ("",))
]


@pytest.mark.parametrize(("code", "counts"), CASES)
def test_every_stage_that_ran_is_there_exactly_once(
    project: pytest.Pytester, code: str, counts: dict[tuple[str, str | None], int]
) -> None:
    project.makepyfile(work=WORK)
    project.makepyfile(test_run=code.replace("def run(", "def test_run("))
    result = project.runpytest_subprocess(*PLAIN)
    result.assert_outcomes(passed=1)
    assert stage_counts(project.path) == {key: count * TURNS for key, count in counts.items()}


def test_a_torch_module(project: pytest.Pytester) -> None:
    pytest.importorskip("torch")
    project.makepyfile(
        """
        import torch

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU())
                self.head = torch.nn.Linear(4, 2)
            def forward(self, value):
                return self.head(self.backbone(value))

        def test_run(vizart_run, golden_dataset):
            model = Net()
            vizart_run.watch(model)
            for sample in vizart_run.samples(golden_dataset):
                with vizart_run.stage("classify"):
                    model(torch.zeros(1, 4))
        """
    )
    project.runpytest_subprocess(*PLAIN).assert_outcomes(passed=1)
    expected = {("classify", None): TURNS, ("backbone", "classify"): TURNS, ("head", "classify"): TURNS}
    assert stage_counts(project.path) == expected


LIMITED = """
import numpy as np
import pytest

{markers}
def test_limits(vizart_run, golden_dataset):
    for sample in vizart_run.samples(golden_dataset):
        with vizart_run.stage("load"):
            block = np.ones(100_000_000, np.uint8)
            del block
        with vizart_run.stage("classify"):
            pass
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs the exact peak")
@pytest.mark.parametrize(("limit", "passes"), [(110, True), (90, False)])
def test_max_peak_mb_at_both_sides(project: pytest.Pytester, limit: int, passes: bool) -> None:
    markers = f"@pytest.mark.vizart_memory(stage='load', max_peak_mb={limit})"
    project.makepyfile(test_limits=LIMITED.format(markers=markers))
    result = project.runpytest_subprocess(*PLAIN)
    result.assert_outcomes(passed=int(passes), failed=int(not passes))
    (verdict,) = [found for found in document(project.path)["verdicts"] if found["metric"] == "max_peak_mb"]
    assert verdict["value"] == pytest.approx(100, rel=0.02)
    assert verdict["status"] == ("pass" if passes else "fail")
    stages = {stage["name"]: stage for stage in document(project.path)["runs"][0]["stages"]}
    assert stages["load"]["memory_mb"]["peak_exact"] is True
    assert stages["classify"]["memory_mb"]["peak"] is None


@pytest.mark.skipif(heap_trimmer() is None, reason="the C library keeps what is freed")
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs the exact peak")
@pytest.mark.parametrize(("limit", "passes"), [(30, True), (10, False)])
def test_max_peak_mb_of_what_the_allocator_has_kept(project: pytest.Pytester, limit: int, passes: bool) -> None:
    markers = f"@pytest.mark.vizart_memory(stage='load', max_peak_mb={limit})"
    source = LIMITED.format(markers=markers).replace("np.ones(100_000_000,", "np.full(20_000_000, 1,")
    project.makepyfile(test_limits=source)
    result = project.runpytest_subprocess("-p", "no:randomly", "--vizart-json=result.json")  # warm-up frees it already
    result.assert_outcomes(passed=int(passes), failed=int(not passes))
    (verdict,) = [found for found in document(project.path)["verdicts"] if found["metric"] == "max_peak_mb"]
    assert verdict["value"] == pytest.approx(20, abs=2)


@pytest.mark.parametrize(("limit", "passes"), [(100_000, True), (20, False)])
def test_max_rss_mb_at_both_sides(project: pytest.Pytester, limit: int, passes: bool) -> None:
    project.makepyfile(test_limits=LIMITED.format(markers=f"@pytest.mark.vizart_memory(max_rss_mb={limit})"))
    result = project.runpytest_subprocess(*PLAIN)
    result.assert_outcomes(passed=int(passes), failed=int(not passes))
    statuses = {found["status"] for found in document(project.path)["verdicts"] if found["metric"] == "max_rss_mb"}
    assert statuses == {"pass" if passes else "fail"}


@pytest.mark.parametrize(("limit", "passes"), [(0.1, True), (1e9, False)])
def test_min_per_second_at_both_sides(project: pytest.Pytester, limit: float, passes: bool) -> None:
    markers = f"@pytest.mark.vizart_latency(stage='load', min_per_second={limit})"
    project.makepyfile(test_limits=LIMITED.format(markers=markers))
    result = project.runpytest_subprocess(*PLAIN)
    result.assert_outcomes(passed=int(passes), failed=int(not passes))
    (verdict,) = [found for found in document(project.path)["verdicts"] if found["metric"] == "min_per_second"]
    assert verdict["status"] == ("pass" if passes else "fail")


@pytest.mark.parametrize("limit", ["max_gpu_mb=10", "max_leak_mb=10"])
def test_a_limit_on_what_is_not_measured_fails(project: pytest.Pytester, limit: str) -> None:
    project.makepyfile(test_limits=LIMITED.format(markers=f"@pytest.mark.vizart_memory({limit})"))
    result = project.runpytest_subprocess(*PLAIN)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not*hint*"])


def test_what_the_user_adds_is_in_json_and_history(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import time

        def test_run(vizart_run, golden_dataset):
            for number, sample in enumerate(vizart_run.samples(golden_dataset)):
                with vizart_run.stage("classify"):
                    vizart_run.gauge("queue_depth", number)
                    vizart_run.count("bytes", 10)
                    with vizart_run.external("ocr-api"):
                        time.sleep(0.02)
        """
    )
    result = project.runpytest_subprocess(*PLAIN)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*ocr-api*"])
    measures = {found["name"]: found for found in document(project.path)["runs"][0]["profiling"]["measures"]}
    assert (measures["queue_depth"]["last"], measures["queue_depth"]["max"]) == (TURNS - 1, TURNS - 1)
    assert measures["bytes"]["sum"] == 10 * TURNS
    assert measures["ocr-api"]["mean"] >= 20
    (stage,) = document(project.path)["runs"][0]["stages"]
    assert stage["external_ms"] == pytest.approx(measures["ocr-api"]["mean"])
    rows = History(project.path / ".vizart").measures().to_pylist()
    assert len(rows) == 3 * TURNS
    assert {row["stage"] for row in rows} == {"classify"}


@pytest.mark.parametrize("call", ["gauge('', 1)", "gauge('x', 'high')", "count('x', float('nan'))", "gauge(3, 1)"])
def test_a_measure_that_cannot_be_meant(project: pytest.Pytester, call: str) -> None:
    project.makepyfile(f"def test_run(vizart_run): vizart_run.{call}")
    result = project.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *UsageError: *expected*found*"])


def test_full_profiles_functions_in_a_pass_of_its_own(project: pytest.Pytester) -> None:
    pytest.importorskip("pyinstrument")
    slow = "for _ in range(20): sorted(range(20_000), key=lambda n: -n)\n            label = stage.output"
    project.makepyfile(test_shades=LOOP_TEST.format(markers="").replace("label = stage.output", slow))
    result = project.runpytest_subprocess(*PLAIN, "--vizart-profile=full", "--vizart-profile-share=0.5")
    result.assert_outcomes(passed=1)
    (run,) = document(project.path)["runs"]
    assert (run["passes"], run["profiling"]["flame_samples"]) == (2, 2)
    (flame,) = (project.path / ".vizart" / "runs").glob("*/flame.json")
    assert "classify" in flame.read_text()
    assert "pytest_vizart" not in flame.read_text()
    spans = History(project.path / ".vizart").spans(stage="classify").to_pylist()
    # All samples once more for their exact peaks, and the chosen ones for the functions.
    assert [span["pass_index"] for span in spans if span["warmup"]] == [*([2] * SAMPLES), 3, 3]
    assert [stage["spans"] for stage in run["stages"]] == [TURNS, TURNS]
    assert None not in [span["read_bytes"] for span in spans if not span["warmup"]]


def test_full_without_pyinstrument_says_what_to_install(project: pytest.Pytester) -> None:
    project.makepyfile(
        conftest="import sys; sys.modules['pyinstrument'] = None", test_shades=LOOP_TEST.format(markers="")
    )
    result = project.runpytest_subprocess(*PLAIN, "--vizart-profile=full")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*pytest-vizart[[]profile[]]*"])
