"""What a test says when it fails: the verdicts that count, one line, and the whole section."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_vizart.gating.limits import PIPELINE
from pytest_vizart.gating.wording import counted, listed
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.verdict import Verdict, VerdictKind
from pytest_vizart.settings import Gate

_SHOWN_SAMPLES = 20
_KINDS: tuple[VerdictKind, ...] = ("accuracy", "latency", "memory")


def failing(verdicts: Sequence[Verdict], *, gate: Gate, strict: bool) -> list[Verdict]:
    """Return the verdicts that fail the test: failed ones, and under strict the suspect ones."""
    if gate != "fail":
        return []
    return [each for each in verdicts if each.status == "fail" or (strict and each.status == "suspect")]


def headline(verdicts: Sequence[Verdict]) -> str:
    """Return one line for the verdicts handed in: the first one's message and samples, and how many more there are."""
    if not verdicts:
        return "nothing got worse"
    first = min(verdicts, key=lambda verdict: verdict.status != "fail")
    samples = "" if any(sample in first.message for sample in first.samples) else listed(first.samples)
    rest = len(verdicts) - 1
    others = f" ({rest} more {'check fails' if rest == 1 else 'checks fail'})" if rest else ""
    return _line(first) + (f"; on {samples}" if samples else "") + others


def section(verdicts: Sequence[Verdict], *, run_id: str | None = None, outcomes: Iterable[Outcome] = ()) -> str:
    """Return all messages of the verdicts handed in, the samples that made them so and why, and what to do about it."""
    reasons = {(outcome.stage, outcome.sample_id): outcome.reason for outcome in outcomes}
    lines: list[str] = []
    told: set[tuple[str, str]] = set()
    for verdict in verdicts:
        lines.append(f"{verdict.kind}: {_line(verdict)}")
        new = [sample for sample in verdict.samples if (verdict.stage, sample) not in told]
        shown = ((sample, reasons.get((verdict.stage, sample))) for sample in new[:_SHOWN_SAMPLES])
        lines.extend(f"    {sample}: {reason}" if reason else f"    {sample}" for sample, reason in shown)
        if len(new) > _SHOWN_SAMPLES:
            lines.append(f"    and {len(new) - _SHOWN_SAMPLES} more")
        if new and len(new) < len(verdict.samples):
            lines.append(f"    and {len(verdict.samples) - len(new)} of those above")
        told.update((verdict.stage, sample) for sample in verdict.samples)
    committed = [str(verdict.baseline["file"]) for verdict in verdicts if verdict.baseline.get("file")]
    if committed:
        lines.append(f"if the change is meant: vizart baseline write {run_id or 'RUN_ID'} (into {committed[0]})")
    elif lines and any(verdict.baseline for verdict in verdicts):
        lines.append(f"if the change is meant: vizart baseline accept {run_id or 'RUN_ID'}")
    return "\n".join(lines)


def coverage(verdicts: Sequence[Verdict]) -> str:
    """Return how many stages were checked, how many had no baseline, which are new or gone: no silent pass.

    One line for each kind that was judged.
    """
    parts = [_coverage_of(kind, [each for each in verdicts if each.kind == kind]) for kind in _KINDS]
    return "\n".join(part for part in parts if part)


def _line(verdict: Verdict) -> str:
    return verdict.message if verdict.status == "fail" else f"{verdict.message} ({verdict.status})"


def _coverage_of(kind: VerdictKind, verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    stages: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.stage != PIPELINE:
            stages.setdefault((verdict.test_id, verdict.stage), []).append(verdict)
    members: dict[str, list[str]] = {}
    for (_, stage), of_stage in stages.items():
        members.setdefault(_state(of_stage), []).append(stage)
    words = [f"{counted(len(members.get('checked', ())), 'stage')} checked"]
    words += [f"{len(members[state])} {state}: {listed(members[state])}" for state in _STATES if state in members]
    return f"{kind}: {'; '.join(words)}"


_STATES = ("learning", "without a baseline", "inconclusive", "gone or unknown")


def _state(verdicts: Sequence[Verdict]) -> str:
    statuses = {verdict.status for verdict in verdicts}
    if any(verdict.metric == "presence" and verdict.status != "no-baseline" for verdict in verdicts):
        return "gone or unknown"
    if statuses & {"pass", "fail", "suspect", "provisional"}:
        return "checked"
    if "learning" in statuses:
        return "learning"
    return "inconclusive" if "inconclusive" in statuses else "without a baseline"
