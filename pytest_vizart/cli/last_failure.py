"""The last failed run on one screen."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click

from pytest_vizart.audit.criteria import Line
from pytest_vizart.audit.failed_run import FailedRun
from pytest_vizart.cli.log_lines import traceback_lines
from pytest_vizart.history.journal import FOLDER as JOURNALS
from pytest_vizart.report.wording import plural, printable, shortened
from pytest_vizart.storage.store import Store

WIDTH, HEIGHT = 80, 24
_LABEL = 9
_HOW = {"crashed": "CRASHED", "raised": "RAISED", "failed": "FAILED", "interrupted": "INTERRUPTED"}
_SHOWN_SAMPLES = 3
_SHOWN_VERDICTS = 3
_SHOWN_SAVED = 2
_SHOWN_TRACED = 8
_LONGEST_FUNCTION = 24  # with ", in " before it
_FRAME = re.compile(r'  File "(.*)", line (\d+)(.*)')
_MARKS = re.compile(r"\s+[~^\s]*\^")  # under the code of a frame
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
    """Return at most 24 lines of 80 characters."""
    tail = list(_how_to_go_on(run))
    sections = list(_sections(run, place))
    for most in (4, 3, 2, 1):
        head = _head(run, most)
        room = HEIGHT - len(head) - len(tail)
        if room >= len(sections):
            break
    head += [line for section, count in _shared_out(room, sections) for line in section.first(count)]
    room = HEIGHT - len(head) - len(tail)
    traced = own_frames(traceback_lines(run.traceback))
    room = min(room - 1, _SHOWN_TRACED)
    if traced and room > 1:
        shown = [_narrowed(line, WIDTH - 4) for line in traced[-room:]]
        head += [f"the end of the traceback, {plural(len(traced), 'line')}:", *(f"    {line}" for line in shown)]
    return [_colored(line) for line in (*head, *tail)]


def _head(run: FailedRun, most: int) -> list[str]:
    """What is said of every run; each text in at most so many lines."""
    lines = [f"{_HOW[run.how]}  run {printable(run.run_id)[:36]}  {_moment(run.time)} UTC"]
    later = run.interrupted_later
    interrupted = None if later is None else f"run {str(later['run_id'])[:8]} was interrupted {_moment(later['time'])}"
    for label, text, own_most in (
        ("later", interrupted, 1),
        ("test", run.test, 2),
        ("dataset", run.dataset, 1),
        ("code", _code(run), 1),
        ("stage", run.stage or ("outside of all stages" if run.how != "failed" else None), 2),
        ("sample", run.sample, 2),
        ("input", run.input_path, 3),
        ("error", run.error, 4),
    ):
        lines += _labelled(label, text, min(own_most, most))
    return lines


def _moment(time: object) -> str:
    return printable(str(time))[:19].replace("T", " ")


def _code(run: FailedRun) -> str | None:
    """Commit and branch, and whether files were changed since."""
    code = run.about.get("code")
    commit = code.get("commit") if isinstance(code, dict) else None
    if not isinstance(code, dict) or not isinstance(commit, str):
        return None
    branch = f" on {code['branch']}" if code.get("branch") else ""
    return f"{commit[:7]}{branch}{', with uncommitted changes' if code.get('dirty') else ''}"


def own_frames(traceback: Sequence[str]) -> list[str]:
    """Return a traceback's lines without the marks under its code, and without the frames of pytest and of this package
    unless there are no others."""
    kept: list[str] = []
    leaving_out = any_frame = False
    unmarked = [line for line in traceback if not _MARKS.fullmatch(line)]
    for line in unmarked:
        frame = _FRAME.match(line)
        if frame is not None:
            leaving_out = _NOT_THEIRS.search(frame[1]) is not None
            any_frame |= not leaving_out
        elif not line.startswith(("    ", "  [")):  # neither code of the frame nor how often it is there
            leaving_out = False
        if not leaving_out:
            kept.append(line)
    return kept if any_frame else unmarked


def _narrowed(line: str, width: int) -> str:
    """A line of a traceback in a width. Of a frame, the file's name and the number of the line stay."""
    frame = _FRAME.fullmatch(line)
    if frame is None or len(line) <= width:
        return shortened(line, width)
    path, number, function = frame.groups()
    named = shortened(function, _LONGEST_FUNCTION)
    room = width - len(f'  File "", line {number}{named}')
    return f'  File "{path if len(path) <= room else "…" + path[1 - room :]}", line {number}{named}'


@dataclass(frozen=True, slots=True)
class _Section:
    """Items of one kind, the first of them with their lines, and one line for those that are not shown."""

    label: str
    items: Sequence[list[str]]
    total: int
    more: Callable[[int], str]

    def first(self, count: int) -> list[str]:
        """Return the lines of so many items, and the one for the rest."""
        lines = [line for item in self.items[:count] for line in item]
        if self.total > count:
            rest = self.more(self.total - count)
            lines += _labelled("", f"and {rest}", 1) if lines else _labelled(self.label, rest, 1)
        return lines


def _shared_out(room: int, sections: Sequence[_Section]) -> list[tuple[_Section, int]]:
    """How many items of each section are shown: one of each before a second of any."""
    counts = [0] * len(sections)
    for count in range(1, max((len(section.items) for section in sections), default=0) + 1):
        for number, section in enumerate(sections):
            taken = sum(len(each.first(shown)) for each, shown in zip(sections, counts, strict=True))
            more = len(section.first(count)) - len(section.first(counts[number]))
            if counts[number] == count - 1 and count <= len(section.items) and taken + more <= room:
                counts[number] = count
    return list(zip(sections, counts, strict=True))


def _sections(run: FailedRun, place: Store) -> Iterator[_Section]:
    """What was saved of the sample, and what else went wrong: samples that raised or were wrong, checks that failed."""
    if run.saved:
        paths = [place.where(path) for path in run.saved[:_SHOWN_SAVED]]
        items = [_labelled("saved" if not number else "", path, 2) for number, path in enumerate(paths)]
        yield _Section("saved", items, len(run.saved), lambda count: f"{plural(count, 'more file')}: vizart show")
    if run.raised > 1:
        told = f"on {run.raised:,} samples in this run; this is the first"
        yield _Section("raised", [_labelled("raised", told, 1)], 1, lambda count: told)
    verdicts = run.verdicts[1 if run.how == "failed" else 0 :]
    if verdicts:
        items = [_labelled("check", str(verdict.get("message")), 2) for verdict in verdicts[:_SHOWN_VERDICTS]]
        yield _Section("check", items, len(verdicts), lambda count: f"{plural(count, 'more check')} that failed")
    wrong = [line for line in run.wrong if run.how == "failed" or line.get("error_type") != "raised"]
    if wrong:
        items = [_wrong(line) for line in wrong[:_SHOWN_SAMPLES]]
        yield _Section("wrong", items, len(wrong), _more_wrong)


def _wrong(line: Line) -> list[str]:
    what = str(line.get("event", "")).rpartition(" ")[2]
    why = f"{line.get('stage')}: {line.get('sample')} ({line.get('input_path')}): {line.get('reason')}"
    return _labelled(what, why, 2)


def _more_wrong(count: int) -> str:
    return f"{plural(count, 'more sample that was', 'more samples that were')} wrong or invalid"


def _how_to_go_on(run: FailedRun) -> Iterator[str]:
    short = printable(run.run_id)[:8]
    command = run.about.get("command")  # what runs this run alone again
    if isinstance(command, str):
        yield from _labelled("again", "with the same environment variables, which are not kept:", 1)
        yield from _labelled("", command, 4)
    yield from _labelled("more", f"vizart logs --run {short} · vizart show {short}", 1)
    yield from _labelled("others", "vizart logs --failed --limit 20 · vizart logs --help", 1)


def _labelled(label: str, text: str | None, most: int) -> list[str]:
    """The text beside its label, in at most so many lines; what does not fit loses its middle."""
    if not text:
        return []
    width = WIDTH - _LABEL - 2
    text = printable(text)
    lines = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    room = width * most
    while len(lines) > most:  # ends at a text of one line at the latest
        lines = textwrap.wrap(shortened(text, max(room, width)), width, break_on_hyphens=False)
        room -= 4
    return [f"  {label if not number else '':<{_LABEL}}{line}" for number, line in enumerate(lines)]


def _colored(line: str) -> str:
    return click.style(line, fg="red", bold=True) if line.startswith(tuple(_HOW.values())) else line
