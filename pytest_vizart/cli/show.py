"""`vizart show RUN`: one run: its stages, memory and accuracy, the samples that were not correct, what was saved."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import orjson

from pytest_vizart.cli.common import csv_option, find_run, json_option, open_history, output_option, refusing, tell_json
from pytest_vizart.cli.last_failure import take_over_first
from pytest_vizart.cli.tables import tell_csv
from pytest_vizart.history.reader import History
from pytest_vizart.history.records import leaks_of, measure_table, span_table
from pytest_vizart.history.schema import STAGES
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.records.profile import Leak
from pytest_vizart.records.span import SpanTable
from pytest_vizart.records.stage import Distribution, StageStats
from pytest_vizart.report.measures import MeasureSummary, summed_up
from pytest_vizart.report.nesting import nested
from pytest_vizart.report.wording import bad_endings, leak_sentence, per_second, plural, printable
from pytest_vizart.storage.store import Store

RUN_FILE = "run.json"
_TOLD_ARTIFACTS = 20
_NS_PER_MS = 1e6
_WRONG = ("wrong", "invalid")

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Shown:
    """All that is told of a run.

    about: what run.json says; empty without one. is_there: whether a saved file still lies there.
    """

    run: dict[str, Any]
    spans: SpanTable
    stages: tuple[StageStats, ...]
    leaks: tuple[Leak, ...]
    measures: tuple[MeasureSummary, ...]
    accuracy: Rows
    outcomes: Rows
    about: dict[str, Any]
    is_there: Callable[[str], bool]


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--all", "everything", is_flag=True, help="also metrics that are undefined, and every saved file")
@output_option
@json_option
@csv_option
@refusing
def show(run_id: str, output: Store, as_json: bool, as_csv: bool, everything: bool) -> None:
    """Show one run; RUN may be shortened, or `last`. --csv gives its stages."""
    take_over_first(output)
    history = open_history(output)
    run = find_run(history.runs(), run_id)
    if as_csv:
        tell_csv(STAGES.names, history.stages(run_ids=[run["run_id"]]).to_pylist())
        return
    shown = _read(history, output, run)
    if as_json:
        tell_json(_document(shown))
    else:
        _tell_run(shown, everything=everything)


def _read(history: History, output: Store, run: dict[str, Any]) -> _Shown:
    only: dict[str, Any] = {"run_ids": [run["run_id"]]}
    measures = measure_table(history.measures(**only))
    spans = span_table(history.spans(**only))
    stages = stage_stats(spans, measures)
    return _Shown(
        run,
        spans,
        # Of what was imported there are figures, and most often no spans.
        stages or tuple(_kept_stage(row) for row in history.stages(**only).to_pylist()),
        leaks_of(history.leaks(**only)),
        summed_up(measures),
        history.accuracy(**only, columns=("stage", "task", "metric", "value")).to_pylist(),
        history.outcomes(**only).to_pylist(),
        _run_file(output, run["run_id"]),
        _presence(output, run["run_id"]),
    )


def _presence(output: Store, run_id: str) -> Callable[[str], bool]:
    """Return what tells whether a file is there: retention may have taken it."""
    local = output.local
    if local is not None:
        return lambda path: os.path.lexists(local / path)
    names = {entry.name for entry in output.files(f"runs/{run_id}", recursive=True)}
    return names.__contains__


def _kept_stage(row: dict[str, Any]) -> StageStats:
    times = [row[f"wall_{name}_ns"] for name in ("median", "p95", "p99", "min", "max")]
    known = [math.nan if each is None else each / _NS_PER_MS for each in times]
    wall = None if times[0] is None else Distribution(*known)
    return StageStats(row["stage"], row["spans"], row["errors"], wall, parent=row["parent"], items=row["items"] or 0)


def _run_file(output: Store, run_id: str) -> dict[str, Any]:
    """What stands in run.json; one that cannot be read is told and left out."""
    name = f"runs/{run_id}/{RUN_FILE}"
    try:
        about = orjson.loads(output.read(name))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        click.echo(f"warning: {printable(output.where(name))}: left out ({printable(str(error))})", err=True)
        return {}
    return about if isinstance(about, dict) else {}


def _document(shown: _Shown) -> dict[str, Any]:
    return {
        "run": shown.run,
        "command": _text(shown.about.get("command")),
        "notes": _notes(shown),
        "stages": shown.stages,
        "leaks": shown.leaks,
        "measures": shown.measures,
        "accuracy": shown.accuracy,
        "outcomes": shown.outcomes,
        "artifacts": _artifacts(shown),
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _notes(shown: _Shown) -> list[str]:
    notes = shown.about.get("notes")
    return [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []


def _artifacts(shown: _Shown) -> list[str]:
    """Paths of saved outputs in the output folder: those of samples that went wrong first, those of none last."""
    wrong = _wrong_samples(shown)
    of_samples = [(row["sample_id"] in wrong, path) for row in shown.outcomes for path in _saved_of(row, shown)]
    told = [(not wrong.isdisjoint(samples), path) for path, samples in _listed_artifacts(shown)]
    every = [*of_samples, *told]
    return list(dict.fromkeys(path for bad in (True, False) for is_bad, path in every if is_bad is bad))


def _saved_of(outcome: dict[str, Any], shown: _Shown) -> list[str]:
    return [path for path in outcome["artifacts"] or () if shown.is_there(path)]


def _listed_artifacts(shown: _Shown) -> Iterator[tuple[str, list[str]]]:
    """What run.json says was saved: paths, and the samples of each."""
    listed = shown.about.get("artifacts")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(each.get("path"), str) and shown.is_there(each["path"]):
            samples = each.get("samples")
            yield each["path"], [one for one in samples if isinstance(one, str)] if isinstance(samples, list) else []


def _wrong_samples(shown: _Shown) -> set[str]:
    raised = zip(shown.spans.sample_id, shown.spans.error, strict=True)
    return {row["sample_id"] for row in shown.outcomes if row["status"] in _WRONG} | {
        sample for sample, error in raised if sample is not None and error is not None
    }


def _tell_run(shown: _Shown, *, everything: bool) -> None:
    run = shown.run
    click.echo(f"{run['run_id']}  {printable(run['test_id'])}  {run['status']}  {(run['started_at'] or '')[:19]}")
    if code := _code(run):
        _tell(code)
    if run["not_accepted_because"]:
        _tell(f"no baseline{' of latency' if run['accepted'] else ''}: {run['not_accepted_because']}")
    endings = bad_endings(shown.spans)
    for depth, stage in nested(shown.stages):
        _tell(_stage_line(stage, endings.get(stage.name)), depth)
    _tell_profile(shown.stages, shown.leaks, shown.measures)
    for row in shown.accuracy:
        if row["value"] is not None or everything:
            _tell(f"{row['stage']}: {row['metric']} {'-' if row['value'] is None else format(row['value'], '.4f')}")
    above = _tell_wrong(shown)
    if run["error"]:
        _tell(f"error: {run['error']}")
    _tell_saved(_artifacts(shown), above, everything=everything)
    for note in _notes(shown):
        _tell(f"note: {note}")
    if command := _text(shown.about.get("command")):
        _tell(f"again: {command}")


def _code(run: dict[str, Any]) -> str:
    """Commit, branch, and whether the files were those of the commit; what is not known is left out."""
    parts = [f"{name} {run[name]}" for name in ("commit", "branch") if run[name]]
    if run["dirty"] is not None:
        parts.append("dirty: tracked files were changed" if run["dirty"] else "clean")
    return ", ".join(parts)


def _tell_wrong(shown: _Shown) -> set[str]:
    """Tell each sample that is not correct, and under it all that was saved of it; return those paths."""
    files: dict[str, dict[str, None]] = {}
    for row in shown.outcomes:
        files.setdefault(row["sample_id"], {}).update(dict.fromkeys(_saved_of(row, shown)))
    for path, samples in _listed_artifacts(shown):
        for sample in samples:
            files.setdefault(sample, {})[path] = None
    told: set[str] = set()
    for row in shown.outcomes:
        if row["status"] in _WRONG:
            _tell(f"{row['stage']}: {row['sample_id']} {row['status']}: {row['reason']} ({row['input_path']})")
            for path in files[row["sample_id"]]:
                if path not in told:
                    _tell(path, 1)
                    told.add(path)
    return told


def _tell_saved(artifacts: list[str], above: set[str], *, everything: bool) -> None:
    if not artifacts:
        return
    others = [path for path in artifacts if path not in above]
    of_them = f", {len(above):,} of them above" if above else ""
    _tell(f"{plural(len(artifacts), 'saved output')}{of_them}{':' if others else ''}")
    shown = others if everything else others[:_TOLD_ARTIFACTS]
    for path in shown:
        _tell(path, 1)
    if len(others) > len(shown):
        _tell(f"... {len(others) - len(shown):,} more (--all, --json)", 1)


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
    parts = [f"median {stage.wall_ms.median:.3f} ms"]
    parts += [] if math.isnan(stage.wall_ms.p95) else [f"p95 {stage.wall_ms.p95:.3f} ms"]
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
