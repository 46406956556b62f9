"""The last failed run on one screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click
import orjson

from pytest_vizart.audit.failed_run import FailedRun
from pytest_vizart.cli.log_lines import traceback_lines
from pytest_vizart.report.wording import plural, printable, shortened
from pytest_vizart.storage.store import Store

WIDTH, HEIGHT = 100, 24
_LABEL = 9
_HOW = {"crashed": "CRASHED", "raised": "RAISED", "failed": "FAILED"}
_SHOWN_SAMPLES = 3
_SHOWN_VERDICTS = 3


def screen(run: FailedRun, place: Store) -> list[str]:
    """Return at most 24 lines of 100 characters."""
    head = [f"{_HOW[run.how]}  run {printable(run.run_id)[:36]}  {printable(run.time)[:19].replace('T', ' ')} UTC"]
    for label, text, most in (
        ("test", run.test, 2),
        ("dataset", run.dataset, 1),
        ("stage", run.stage or ("outside of all stages" if run.how != "failed" else None), 2),
        ("sample", run.sample, 2),
        ("input", run.input_path, 3),
        ("error", run.error, 4),
    ):
        head += _labelled(label, text, most)
    head += _others(run)
    tail = list(_how_to_go_on(run, place))
    traced = traceback_lines(run.traceback)
    room = HEIGHT - len(head) - len(tail) - 1
    if traced and room > 1:
        shown = [shortened(line, WIDTH - 4) for line in traced[-room:]]
        head += [f"the end of the traceback, {plural(len(traced), 'line')}:", *(f"    {line}" for line in shown)]
    return [_colored(line) for line in (*head, *tail)]


def _others(run: FailedRun) -> list[str]:
    """What else went wrong: further samples that raised, checks that failed, samples that were wrong."""
    lines: list[str] = []
    if run.raised > 1:
        lines += _labelled("raised", f"{plural(run.raised, 'time')} in this run; this is the first", 1)
    for verdict in run.verdicts[1 if run.how == "failed" else 0 :][:_SHOWN_VERDICTS]:
        lines += _labelled("check", str(verdict.get("message")), 2)
    hidden = len(run.verdicts) - _SHOWN_VERDICTS - (run.how == "failed")
    if hidden > 0:
        lines += _labelled("", f"and {plural(hidden, 'more check')} that failed", 1)
    wrong = [line for line in run.wrong if run.how == "failed" or line.get("error_type") != "raised"]
    for line in wrong[:_SHOWN_SAMPLES]:
        what = str(line.get("event", "")).rpartition(" ")[2]
        why = f"{line.get('stage')}: {line.get('sample')} ({line.get('input_path')}): {line.get('reason')}"
        lines += _labelled(what, why, 2)
    if len(wrong) > _SHOWN_SAMPLES:
        more = plural(len(wrong) - _SHOWN_SAMPLES, "more sample that was", "more samples that were")
        lines += _labelled("", f"and {more} wrong or invalid", 1)
    return lines


def _how_to_go_on(run: FailedRun, place: Store) -> Iterator[str]:
    short = printable(run.run_id)[:8]
    yield from _labelled("again", _command(run, place), 2)
    yield from _labelled("more", f"vizart logs --run {short} · vizart show {short}", 1)
    yield from _labelled("others", "vizart logs --failed --limit 20 · vizart logs --help", 1)


def _command(run: FailedRun, place: Store) -> str | None:
    """What runs this run alone again, if its `run.json` says so."""
    if "/" in run.run_id or run.run_id.startswith("."):
        return None
    try:
        document = orjson.loads(place.read(f"runs/{run.run_id}/run.json"))
    except (OSError, ValueError):
        return None
    command = document.get("command") if isinstance(document, dict) else None
    return command if isinstance(command, str) else None


def _labelled(label: str, text: str | None, most: int) -> list[str]:
    """The text beside its label, in at most so many lines; what does not fit loses its middle."""
    if not text:
        return []
    width = WIDTH - _LABEL - 2
    lines = textwrap.wrap(printable(text), width, break_on_hyphens=False) or [""]
    if len(lines) > most:
        lines = textwrap.wrap(shortened(printable(text), width * most - 20 * (most - 1)), width)[:most]
    return [f"  {label if not number else '':<{_LABEL}}{line}"[:WIDTH] for number, line in enumerate(lines)]


def _colored(line: str) -> str:
    return click.style(line, fg="red", bold=True) if line.startswith(tuple(_HOW.values())) else line
