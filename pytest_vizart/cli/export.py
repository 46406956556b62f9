"""`vizart export RUN --format chrome-trace|speedscope|json|csv`: one run for other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from pytest_vizart.cli.common import find_run, kept_runs, output_option, refusing
from pytest_vizart.errors import VizartError
from pytest_vizart.history.reader import History
from pytest_vizart.history.records import gpu_readings, leaks_of, measure_table, outputs_of, span_table
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.profiling.functions.profiler import flame_from_json
from pytest_vizart.records.profile import FlameNode, Profile
from pytest_vizart.records.span import SpanTable
from pytest_vizart.report.export_data import run_document, spans_csv
from pytest_vizart.report.export_speedscope import speedscope
from pytest_vizart.report.export_trace import chrome_trace
from pytest_vizart.report.files import write_atomically
from pytest_vizart.report.wording import encodable_throughout, plural, printable
from pytest_vizart.storage.store import Store
from pytest_vizart.version import VERSION
from pytest_vizart.workflow.keeping import FLAME_FILE


@dataclass(frozen=True, slots=True)
class KeptRun:
    """One run as the history has it; `row` is that of the table `runs`."""

    row: dict[str, Any]
    spans: SpanTable
    profile: Profile


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--format", "form", type=click.Choice(("chrome-trace", "speedscope", "json", "csv")), help="what to write"
)
@click.option("--json", "form", flag_value="json", help="the same as --format json")
@click.option(
    "--output-file", type=click.Path(path_type=Path, dir_okay=False), help="file to write; standard output without"
)
@output_option
@refusing
def export(run_id: str, form: str | None, output_file: Path | None, output: Store) -> None:
    """Write one run for other programs. RUN may be shortened, or `last`.

    chrome-trace opens in https://ui.perfetto.dev, speedscope in https://www.speedscope.app; csv are the spans, json is
    everything.
    """
    if form is None:
        raise click.UsageError("Missing option '--format'. Choose from: chrome-trace, speedscope, json, csv")
    if output_file is not None and not output_file.absolute().parent.is_dir():
        raise click.UsageError(f"{printable(str(output_file))}: its folder does not exist; hint: make it first")
    run = _read(History(output), find_run(kept_runs(output), run_id))
    content = _FORMATS[form](run, output)
    if output_file is None:
        click.echo(content, nl=False)
        return
    try:
        write_atomically(output_file, content)
    except VizartError as error:
        raise click.ClickException(printable(str(error))) from error
    click.echo(f"{printable(str(output_file))}: {form} of run {run.row['run_id'][:8]}, {plural(len(content), 'byte')}")


def _read(history: History, row: dict[str, Any]) -> KeptRun:
    only: dict[str, Any] = {"run_ids": [row["run_id"]], "session_ids": [row["session_id"]]}
    profile = Profile(
        measures=measure_table(history.measures(**only)),
        leaks=leaks_of(history.leaks(**only)),
        outputs=outputs_of(history.outputs(**only)),
        gpu=gpu_readings(history.gpu(**only)),
    )
    return KeptRun(row, span_table(history.spans(**only)), profile)


def _as_trace(run: KeptRun, output: Store) -> bytes:
    facts = {name: str(run.row[name]) for name in ("run_id", "test_id", "started_at", "commit", "version", "cpu")}
    title = f"pytest-vizart: {run.row['test_id']}"
    return _json(chrome_trace(run.spans, run.profile.measures, run.profile.gpu, title=title, facts=facts))


def _as_speedscope(run: KeptRun, output: Store) -> bytes:
    flame = _flame(output, f"runs/{run.row['run_id']}/{FLAME_FILE}")
    return _json(speedscope(run.spans, flame, title=run.row["test_id"], exporter=f"pytest-vizart {VERSION}"))


def _as_csv(run: KeptRun, output: Store) -> bytes:
    text = spans_csv(run.spans, run_id=run.row["run_id"], test_id=run.row["test_id"])
    return text.encode("utf-8", "backslashreplace")


def _as_json(run: KeptRun, output: Store) -> bytes:
    stages = stage_stats(run.spans, run.profile.measures)
    document = run_document(run.row, run.spans, stages, run.profile)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


_FORMATS: dict[str, Callable[[KeptRun, Store], bytes]] = {
    "chrome-trace": _as_trace,
    "speedscope": _as_speedscope,
    "json": _as_json,
    "csv": _as_csv,
}


def _flame(output: Store, name: str) -> FlameNode | None:
    """The function profile of a run; None where there is none. One that cannot be read is told and left out."""
    try:
        return flame_from_json(orjson.loads(output.read(name)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        click.echo(
            f"warning: {printable(output.where(name))}: the function profile cannot be read and is left out ({error})",
            err=True,
        )
        return None


def _json(document: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate in a name
        return orjson.dumps(encodable_throughout(document), option=orjson.OPT_APPEND_NEWLINE)
