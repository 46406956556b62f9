"""What profiling tells of a finished run beyond its spans."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pytest_vizart.errors import GoldenError
from pytest_vizart.profiling.analysis.leaks import find_leak, stage_that_keeps
from pytest_vizart.profiling.recording.span_table import Recorded
from pytest_vizart.records.labels import BoxLabels
from pytest_vizart.records.profile import Leak, Profile
from pytest_vizart.workflow.run import Run


def run_profile(run: Run, recorded: Recorded) -> Profile:
    """Return leaks, outputs, functions and GPU readings of a run."""
    recorder, functions = run.recorder, run.functions
    return Profile(
        measures=recorded.measures,
        leaks=_leaks(run, recorded),
        outputs=tuple(recorder.summaries.summaries),
        outputs_ms=recorder.summaries.cost_ns / 1e6,
        artifacts_ms=recorder.summaries.saving_ns / 1e6,
        flame=None if functions is None else functions.flame(),
        flame_samples=0 if functions is None else functions.samples,
        gpu=tuple(recorder.gpu.readings),
    )


def _leaks(run: Run, recorded: Recorded) -> tuple[Leak, ...]:
    points = run.recorder.points
    cpu = find_leak(points, "cpu")
    if cpu is not None and cpu.found:
        cpu = replace(cpu, stage=stage_that_keeps(run.recorder.left_on_heap(), cpu.kb_per_sample * 1e3))
    return tuple(leak for leak in (cpu, find_leak(points, "gpu", recorded.table)) if leak is not None)


def facts_of(run: Run) -> dict[str, dict[str, float]]:
    """Return what is known of each sample's input: bytes of its file, number of labelled objects."""
    stages = [] if run.dataset is None else [spec.stage for spec in run.dataset.specs if spec.task == "boxes"]
    facts: dict[str, dict[str, float]] = {}
    for sample in run.seen.values():
        of_sample: dict[str, float] = {}
        with suppress(OSError):
            of_sample["size"] = float(Path(sample.path).stat().st_size)
        with suppress(GoldenError):
            labels = [sample.label(stage) for stage in stages]
            if labels:
                of_sample["objects"] = float(sum(len(label.boxes) for label in labels if isinstance(label, BoxLabels)))
        facts[sample.id] = of_sample
    return facts
