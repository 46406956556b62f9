"""The summary at the end of the session, as lines of plain text with a role; the caller colours and prints them."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Literal

from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.score import Score, StageStats
from pytest_vizart.records.verdict import Verdict
from pytest_vizart.report.recommendations import recommend_for_run
from pytest_vizart.report.standing import Tone, coverage, headline, loudest_first, run_tone, standing
from pytest_vizart.report.wording import (
    aligned_milliseconds,
    listed,
    megabytes,
    metric_value,
    milliseconds,
    percent,
    plural,
    printable,
    sentence,
    shortened,
)

Role = Literal["title", "pass", "fail", "warn", "info"]
Line = tuple[Role, str]

_FULL_RUNS = 8
_COLUMNS = ("median ms", "p95 ms", "CPU ms", "growth MB", "share")
_SHOWN_VERDICTS = 12
_SHOWN_INVALID = 3
_QUIET = ("pass", "learning", "no-baseline")

_ROLE_OF_STATUS: dict[str, Role] = {"fail": "fail", "pass": "pass", "learning": "info", "no-baseline": "info"}
_WORD_OF_TONE: dict[Tone, str] = {"fail": "FAIL", "warn": "WARN", "pass": "PASS", "info": "INFO"}


def summary_lines(
    result: SessionResult,
    *,
    report_path: Path | None = None,
    json_path: Path | None = None,
    verbose: bool = False,
    width: int = 80,
) -> list[Line]:
    """The summary of a session.

    Args:
        report_path, json_path: where they were written; None when they were not asked for.
        verbose: passing verdicts and recommendations too, and every run in full.
        width: columns of the terminal; names are shortened in the middle, sentences wrapped.
    """
    lines: list[Line] = []
    short = len(result.runs) > _FULL_RUNS and not verbose
    if short:
        lines += [_run_line(run, width) for run in result.runs]
    for run in result.runs:
        if not short or run_tone(run) == "fail":
            lines += _run_block(run, verbose, width)
    now = standing(result.runs)
    lines.append((now.tone, f"{headline(result, now)}."))
    quiet = now.tone == "pass" and not (now.stages_without_baseline or now.stages_learning or now.stages_unchecked)
    lines += _wrapped("pass" if quiet else "warn", sentence(coverage(now)), width)
    for warning in result.warnings:
        lines += _wrapped("warn", f"warning: {warning}", width)
    if report_path is not None:
        lines.append(("info", f"report: {printable(str(report_path))}"))
    if json_path is not None:
        lines.append(("info", f"json: {printable(str(json_path))}"))
    return lines


def _run_line(run: RunResult, width: int) -> Line:
    info, tone = run.info, run_tone(run)
    facts = [plural(info.samples, "sample")]
    if run.scores:
        score = run.scores[-1]
        facts.append(f"{printable(score.headline)} {metric_value(score.metrics.get(score.headline))}")
    nested = {name for name, parent in zip(run.spans.stage, run.spans.parent, strict=True) if parent is not None}
    per_sample = sum(stats.wall_ms.median for stats in run.stages if stats.wall_ms and stats.name not in nested)
    if per_sample:
        facts.append(f"{milliseconds(per_sample)} ms")
    tail = ", ".join(facts)
    room = max(width - len(tail) - 7, 12)
    name = shortened(printable(info.test_id), room)
    return tone, f"{_WORD_OF_TONE[tone]} {name:<{room}}  {tail}"


def _run_block(run: RunResult, verbose: bool, width: int) -> list[Line]:
    info = run.info
    lines: list[Line] = [("title", shortened(printable(info.test_id), width))]
    facts = [shortened(printable(info.dataset), 30) if info.dataset else "no dataset", plural(info.samples, "sample")]
    facts.append(plural(info.passes, "pass", "passes"))
    if info.partial:
        facts.append("a part of the data")
    if info.contended:
        facts.append("beside other workers")
    lines.append(("info", "  " + ", ".join(facts)))
    lines += _stage_table(run.stages, width)
    for score in run.scores:
        lines += _accuracy_lines(score, width)
    lines += _invalid_lines(run, verbose, width)
    if info.error:
        lines += _wrapped("fail", f"{info.status.upper()} {info.error}", width, indent=2)
    lines += _verdict_lines(run.verdicts, verbose, width)
    for note in info.notes:
        lines += _wrapped("info", f"note: {note}", width, indent=2)
    if info.not_accepted_because and run_tone(run) != "fail":
        what = "baseline of latency" if info.accepted else "baseline"
        lines += _wrapped("info", f"not a {what}: {info.not_accepted_because}", width, indent=2)
    if verbose:
        for found in recommend_for_run(run):
            lines += _wrapped("info", f"advice: {found.message}", width, indent=2)
    lines.append(("info", ""))
    return lines


def _stage_table(stages: tuple[StageStats, ...], width: int) -> list[Line]:
    if not stages:
        return [("info", "  no stage was measured")]
    room = max(width - 2 - sum(len(column) + 2 for column in _COLUMNS), 8)
    names = [shortened(printable(stats.name), room) for stats in stages]
    broad = max(len("stage"), *map(len, names))
    header = f"  {'stage':<{broad}}" + "".join(f"  {column}" for column in _COLUMNS)
    lines: list[Line] = [("info", header)]
    for stats, name, cells in zip(stages, names, _cells(stages), strict=True):
        row = "".join(f"  {cell:>{len(column)}}" for cell, column in zip(cells, _COLUMNS, strict=True))
        lines.append(("info", f"  {name:<{broad}}{row}"))
        if stats.errors:
            lines.append(("fail", f"    {name}: {stats.errors:,} of {plural(stats.spans, 'span')} raised"))
    return lines


def _cells(stages: tuple[StageStats, ...]) -> list[tuple[str, ...]]:
    columns = (
        aligned_milliseconds([stats.wall_ms.median if stats.wall_ms else None for stats in stages]),
        aligned_milliseconds([stats.wall_ms.p95 if stats.wall_ms else None for stats in stages]),
        aligned_milliseconds([stats.cpu_ms.median if stats.cpu_ms else None for stats in stages]),
        [megabytes(stats.memory_mb.growth if stats.memory_mb else None) for stats in stages],
        [percent(stats.share) for stats in stages],
    )
    return list(zip(*columns, strict=True))


def _accuracy_lines(score: Score, width: int) -> list[Line]:
    counts = score.counts
    parts = [f"{counts.correct:,} correct", f"{counts.wrong:,} wrong"]
    parts += [f"{counts.invalid:,} invalid"] if counts.invalid else []
    parts += [f"{counts.unlabeled:,} unlabeled"] if counts.unlabeled else []
    value = metric_value(score.metrics.get(score.headline))
    lines = _wrapped("info", f"{score.stage}: {score.headline} {value}; {', '.join(parts)}", width, indent=2)
    if score.newly_wrong:
        lines += _wrapped("warn", _flips(score.stage, "newly wrong", score.newly_wrong), width, indent=2)
    if score.newly_fixed:
        lines += _wrapped("pass", _flips(score.stage, "newly fixed", score.newly_fixed), width, indent=2)
    for note in score.notes:
        lines += _wrapped("info", f"{score.stage}: {note}", width, indent=2)
    return lines


def _invalid_lines(run: RunResult, verbose: bool, width: int) -> list[Line]:
    """Samples that could not be compared, with the reason: nobody would look for them among the correct ones."""
    invalid = [outcome for outcome in run.outcomes if outcome.status == "invalid"]
    shown = invalid if verbose else invalid[:_SHOWN_INVALID]
    lines: list[Line] = []
    for outcome in shown:
        text = f"INVALID {outcome.stage} {shortened(outcome.sample_id, 30)}: {outcome.reason}"
        lines += _wrapped("warn", text, width, indent=2)
    if len(shown) < len(invalid):
        lines.append(("warn", f"  and {plural(len(invalid) - len(shown), 'more invalid sample')}"))
    return lines


def _flips(stage: str, what: str, samples: tuple[str, ...]) -> str:
    return f"{stage}: {len(samples):,} {what}: {listed((shortened(name, 30) for name in samples), 4)}"


def _verdict_lines(verdicts: tuple[Verdict, ...], verbose: bool, width: int) -> list[Line]:
    # What is learning or has no baseline is counted in the last line; told one by one it would drown what is wrong.
    shown = [verdict for verdict in loudest_first(verdicts) if verbose or verdict.status not in _QUIET]
    lines: list[Line] = []
    for verdict in shown if verbose else shown[:_SHOWN_VERDICTS]:
        role = _ROLE_OF_STATUS.get(verdict.status, "warn")
        lines += _wrapped(role, f"{verdict.status.upper()} {sentence(verdict.message)}", width, indent=2)
        if verdict.samples and verdict.status != "pass":
            samples = listed((shortened(name, 30) for name in verdict.samples), 4)
            lines += _wrapped(role, f"samples: {samples}", width, indent=4)
    hidden = 0 if verbose else len(shown) - _SHOWN_VERDICTS
    if hidden > 0:
        lines.append(("warn", f"  and {plural(hidden, 'more verdict that does', 'more verdicts that do')} not pass"))
    return lines


def _wrapped(role: Role, text: str, width: int, indent: int = 0) -> list[Line]:
    first, rest = " " * indent, " " * (indent + 2)
    wrapped = textwrap.wrap(
        printable(text), width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )
    return [(role, line) for line in wrapped]
