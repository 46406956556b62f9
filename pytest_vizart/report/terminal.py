"""The summary at the end of the session, as lines of plain text with a role; the caller colours and prints them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.score import ErrorCount, Score
from pytest_vizart.records.verdict import Verdict
from pytest_vizart.report.standing import Tone, coverage, headline, loudest_first, run_tone, standing
from pytest_vizart.report.terminal_lines import Line, Role, wrapped
from pytest_vizart.report.terminal_stages import bottleneck_lines, leak_lines, stage_lines
from pytest_vizart.report.wording import (
    listed,
    metric_value,
    milliseconds,
    plural,
    printable,
    sentence,
    shortened,
)

_FULL_RUNS = 8
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
        verbose: passing verdicts too, whole recommendations, and every run in full.
        width: columns of the terminal; names are shortened in the middle, sentences wrapped.
    """
    lines: list[Line] = []
    short = len(result.runs) > _FULL_RUNS and not verbose
    if short:
        lines += [_run_line(run, width) for run in result.runs]
    in_full = [run for run in result.runs if not short or run_tone(run) == "fail"]
    for number, run in enumerate(in_full):
        lines += _run_block(run, verbose, width, why=verbose or number < _FULL_RUNS)
    now = standing(result.runs)
    lines.append((now.tone, f"{headline(result, now)}."))
    quiet = now.tone == "pass" and not (now.stages_without_baseline or now.stages_learning or now.stages_unchecked)
    lines += wrapped("pass" if quiet else "warn", sentence(coverage(now)), width)
    for warning in result.warnings:
        lines += wrapped("warn", f"warning: {warning}", width)
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


def _run_block(run: RunResult, verbose: bool, width: int, *, why: bool) -> list[Line]:
    """All of one run; `why`: and what takes most of its time."""
    info = run.info
    lines: list[Line] = [("title", shortened(printable(info.test_id), width))]
    facts = [shortened(printable(info.dataset), 30) if info.dataset else "no dataset", plural(info.samples, "sample")]
    facts.append(plural(info.passes, "pass", "passes"))
    if info.partial:
        facts.append("a part of the data")
    if info.contended:
        facts.append("beside other workers")
    lines.append(("info", "  " + ", ".join(facts)))
    lines += stage_lines(run, verbose, width)
    lines += bottleneck_lines(run, verbose, width) if why else []
    lines += leak_lines(run, width)
    for score in run.scores:
        lines += _accuracy_lines(score, run.outcomes, width)
    lines += _invalid_lines(run, verbose, width)
    if info.error:
        lines += wrapped("fail", f"{info.status.upper()} {info.error}", width, indent=2)
    lines += _verdict_lines(run.verdicts, verbose, width)
    for note in info.notes:
        lines += wrapped("info", f"note: {note}", width, indent=2)
    if info.not_accepted_because and run_tone(run) != "fail":
        what = "baseline of latency" if info.accepted else "baseline"
        lines += wrapped("info", f"not a {what}: {info.not_accepted_because}", width, indent=2)
    lines.append(("info", ""))
    return lines


def _accuracy_lines(score: Score, outcomes: Sequence[Outcome], width: int) -> list[Line]:
    counts = score.counts
    parts = [f"{counts.correct:,} correct", f"{counts.wrong:,} wrong"]
    parts += [f"{counts.invalid:,} invalid"] if counts.invalid else []
    parts += [f"{counts.unlabeled:,} unlabeled"] if counts.unlabeled else []
    value = metric_value(score.metrics.get(score.headline))
    lines = wrapped("info", f"{score.stage}: {score.headline} {value}; {', '.join(parts)}", width, indent=2)
    if score.errors:
        lines += wrapped("info", f"{score.stage}: errors: {_error_counts(score, outcomes)}", width, indent=2)
    if score.newly_wrong:
        lines += wrapped("warn", _flips(score.stage, "newly wrong", score.newly_wrong), width, indent=2)
    if score.newly_fixed:
        lines += wrapped("pass", _flips(score.stage, "newly fixed", score.newly_fixed), width, indent=2)
    for note in score.notes:
        lines += wrapped("info", f"{score.stage}: {note}", width, indent=2)
    return lines


def _error_counts(score: Score, outcomes: Sequence[Outcome]) -> str:
    """The kinds of error, dearest first: the class that has most of them, and what mending them would bring."""
    classes: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        for error in outcome.errors if outcome.stage == score.stage else ():
            name = error.truth or error.predicted
            if name is not None:
                classes.setdefault(error.kind, Counter())[name] += 1
    dearest = sorted(score.errors, key=lambda each: (-(each.cost or 0.0), -each.count))
    return ", ".join(_error_count(each, classes.get(each.kind, Counter()), len(score.per_class)) for each in dearest)


def _error_count(found: ErrorCount, classes: Counter[str], of_classes: int) -> str:
    """As "34 Miss (31 of green; mending them: +0.210)"."""
    about = []
    if classes and of_classes > 1:
        name, count = classes.most_common(1)[0]
        if 2 * count > found.count:
            about.append(f"{count:,} of {shortened(printable(name), 30)}")
    if found.cost:
        about.append(f"mending them: +{found.cost:.3f}")
    return f"{found.count:,} {found.kind}" + (f" ({'; '.join(about)})" if about else "")


def _invalid_lines(run: RunResult, verbose: bool, width: int) -> list[Line]:
    """Samples that could not be compared, with the reason: nobody would look for them among the correct ones."""
    invalid = [outcome for outcome in run.outcomes if outcome.status == "invalid"]
    shown = invalid if verbose else invalid[:_SHOWN_INVALID]
    lines: list[Line] = []
    for outcome in shown:
        text = f"INVALID {outcome.stage} {shortened(outcome.sample_id, 30)}: {outcome.reason}"
        lines += wrapped("warn", text, width, indent=2)
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
        lines += wrapped(role, f"{verdict.status.upper()} {sentence(verdict.message)}", width, indent=2)
        if verdict.samples and verdict.status != "pass":
            samples = listed((shortened(name, 30) for name in verdict.samples), 4)
            lines += wrapped(role, f"samples: {samples}", width, indent=4)
    hidden = 0 if verbose else len(shown) - _SHOWN_VERDICTS
    if hidden > 0:
        lines.append(("warn", f"  and {plural(hidden, 'more verdict that does', 'more verdicts that do')} not pass"))
    return lines
