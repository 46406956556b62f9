"""The last failed run on one screen."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

import click
import orjson

from pytest_vizart.audit.failed_run import FailedRun
from pytest_vizart.cli.log_lines import traceback_lines
from pytest_vizart.history.journal import FOLDER as JOURNALS
from pytest_vizart.report.wording import plural, printable, shortened
from pytest_vizart.storage.store import Store

WIDTH, HEIGHT = 100, 24
_LABEL = 9
_HOW = {"crashed": "CRASHED", "raised": "RAISED", "failed": "FAILED"}
_SHOWN_SAMPLES = 3
_SHOWN_VERDICTS = 3
_SHOWN_SAVED = 2
_SHOWN_TRACED = 8
_FRAME = re.compile(r'  File "(.*)", line \d+')
_NOT_THEIRS = re.compile(r"[/\\](pluggy|_pytest|pytest_vizart)[/\\]")


def take_over_first(output: Store) -> None:
    """Before an output folder is read: keep what sessions that died left in it, and say so beside the output."""
    journals = None if output.local is None else output.local / JOURNALS
    try:
        if journals is None or all(path.name.startswith(".") for path in journals.iterdir()):
            return
    except OSError:
        return
    from pytest_vizart.workflow.takeover import take_over_before_reading  # which takes long to import

    told = take_over_before_reading(output)
    if told is not None:
        click.echo(printable(told), err=True)


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
    head += _saved(run, place)
    tail = list(_how_to_go_on(run, place))
    head = (head + _others(run))[: HEIGHT - len(tail)]
    traced = own_frames(traceback_lines(run.traceback))
    room = min(HEIGHT - len(head) - len(tail) - 1, _SHOWN_TRACED)
    if traced and room > 1:
        shown = [shortened(line, WIDTH - 4) for line in traced[-room:]]
        head += [f"the end of the traceback, {plural(len(traced), 'line')}:", *(f"    {line}" for line in shown)]
    return [_colored(line) for line in (*head, *tail)]


def own_frames(traceback: Sequence[str]) -> list[str]:
    """Return a traceback's lines without the frames of pytest and of this package; all of them if no other is there."""
    kept: list[str] = []
    leaving_out = any_frame = False
    for line in traceback:
        frame = _FRAME.match(line)
        if frame is not None:
            leaving_out = _NOT_THEIRS.search(frame[1]) is not None
            any_frame |= not leaving_out
        elif not line.startswith(("    ", "  [")):  # neither code of the frame nor how often it is there
            leaving_out = False
        if not leaving_out:
            kept.append(line)
    return kept if any_frame else list(traceback)


def _saved(run: FailedRun, place: Store) -> list[str]:
    """The files that were saved of the sample that failed."""
    lines: list[str] = []
    for number, path in enumerate(run.saved[:_SHOWN_SAVED]):
        lines += _labelled("saved" if not number else "", place.where(path), 2)
    hidden = len(run.saved) - _SHOWN_SAVED
    return lines + (_labelled("", f"and {plural(hidden, 'more file')}: vizart show", 1) if hidden > 0 else [])


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
    command = _command(run, place)
    if command is not None:
        yield from _labelled("again", "with the same environment variables, which are not kept:", 1)
        yield from _labelled("", command, 3)
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
