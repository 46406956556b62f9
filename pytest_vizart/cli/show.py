"""`vizart show RUN`: one run: its stages, its memory, its accuracy, and the samples that were not correct."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson

from pytest_vizart.cli.common import find_run, json_option, kept_runs, output_option
from pytest_vizart.history.reader import History
from pytest_vizart.history.records import leaks_of, measure_table, span_table
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.records.profile import Leak
from pytest_vizart.records.stage import StageStats
from pytest_vizart.report.measures import MeasureSummary, summed_up
from pytest_vizart.report.nesting import nested
from pytest_vizart.report.wording import bad_endings, leak_sentence, per_second, printable


@click.command()
@click.argument("run_id")
@output_option
@json_option
def show(run_id: str, output: Path, as_json: bool) -> None:
    """Show one run; RUN_ID may be shortened."""
    run = find_run(kept_runs(output), run_id)
    history = History(output)
    only: dict[str, Any] = {"run_ids": [run["run_id"]], "session_ids": [run["session_id"]]}
    measures = measure_table(history.measures(**only))
    spans = span_table(history.spans(**only))
    stages = stage_stats(spans, measures)
    leaks, summaries = leaks_of(history.leaks(**only)), summed_up(measures)
    accuracy = history.accuracy(**only).select(["stage", "task", "metric", "value"]).to_pylist()
    outcomes = history.outcomes(**only).to_pylist()
    if as_json:
        document = {
            "schema_version": 1, "run": run, "stages": stages, "leaks": leaks, "measures": summaries,
            "accuracy": accuracy, "outcomes": outcomes,
        }  # fmt: skip
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    click.echo(f"{run['run_id']}  {printable(run['test_id'])}  {run['status']}  {run['started_at'][:19]}")
    endings = bad_endings(spans)
    for depth, stage in nested(stages):
        _tell(_stage_line(stage, endings.get(stage.name)), depth)
    _tell_profile(stages, leaks, summaries)
    for row in accuracy:
        _tell(f"{row['stage']}: {row['metric']} {'-' if row['value'] is None else format(row['value'], '.4f')}")
    for row in outcomes:
        if row["status"] in ("wrong", "invalid"):
            _tell(f"{row['stage']}: {row['sample_id']} {row['status']}: {row['reason']} ({row['input_path']})")
    if run["error"]:
        _tell(f"error: {run['error']}")


def _tell(text: str, depth: int = 0) -> None:
    click.echo(f"  {'  ' * depth}{printable(text)}")


def _tell_profile(
    stages: tuple[StageStats, ...], leaks: tuple[Leak, ...], summaries: tuple[MeasureSummary, ...]
) -> None:
    if any(stage.concurrent for stage in stages):
        _tell("* at the same time as other stages: times do not add up")
    for leak in leaks:
        if leak.found:
            _tell(leak_sentence(leak))
    for summary in summaries:
        _tell(_measure_line(summary))


def _stage_line(stage: StageStats, ending: str | None) -> str:
    name = f"{stage.name} *" if stage.concurrent else stage.name
    if stage.wall_ms is None:
        return f"{name}: {ending or 'only warm-up'}"
    parts = [f"median {stage.wall_ms.median:.3f} ms, p95 {stage.wall_ms.p95:.3f} ms"]
    parts += [f"CPU {stage.cpu_ms.median:.3f} ms"] if stage.cpu_ms else []
    parts += [f"{per_second(stage.per_second)} per second"] if stage.per_second is not None else []
    memory = stage.memory_mb
    if memory is not None and memory.peak is not None:
        parts.append(f"peak +{memory.peak:.1f} MB {'exact' if memory.peak_exact else 'sampled'}")
    return f"{name}: {', '.join(parts)}, {ending or f'{stage.spans} spans'}"


def _measure_line(summary: MeasureSummary) -> str:
    where = f" in {summary.stage}" if summary.stage else ""
    if summary.kind == "external":
        return f"waiting for {summary.name}{where}: {summary.sum:.3f} ms in {summary.count} waits"
    if summary.kind == "count":
        return f"{summary.name}{where}: {summary.sum:g}"
    return f"{summary.name}{where}: {summary.min:g} .. {summary.max:g}, mean {summary.mean:.4g}"
