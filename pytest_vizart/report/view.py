"""The page as the template needs it: every number formatted, every sentence made, nothing left to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pytest_vizart.records.run import RunResult, Session, SessionResult, TrendPoint
from pytest_vizart.records.verdict import Verdict
from pytest_vizart.report.standing import TONE_OF_STATUS, Tone, coverage, headline, loudest_first, run_tone, standing
from pytest_vizart.report.view_cases import CaseKey, CasesView, cases_view
from pytest_vizart.report.view_runs import RunView, run_view
from pytest_vizart.report.view_trends import TrendsView, trends_view
from pytest_vizart.report.wording import metric_value, milliseconds, sentence, unbroken

ICONS: dict[Tone, str] = {"fail": "✕", "warn": "!", "pass": "✓", "info": "i"}

_MOST_SAMPLES = 24
_COUNTED = ("newly_wrong", "newly_wrong_objects", "max_newly_wrong", "correct", "wrong", "invalid", "unlabeled")


@dataclass(frozen=True, slots=True)
class SampleLink:
    """A sample by name; `case` is its number in the case list, None when it is not there."""

    name: str
    case: int | None


@dataclass(frozen=True, slots=True)
class VerdictView:
    status: str
    tone: Tone
    icon: str
    test_id: str
    stage: str
    what: str  # "latency · cpu_ms"
    message: str
    value: str
    limit: str
    effect: str
    samples: tuple[SampleLink, ...]
    more_samples: int
    as_above: int = 0  # samples that an earlier verdict on the same stage has listed


@dataclass(frozen=True, slots=True)
class TroubleView:
    """A test that failed or raised, and what its error was."""

    test_id: str
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class PageView:
    headline: str
    tone: Tone
    icon: str
    coverage: str
    facts: tuple[tuple[str, str], ...]
    troubles: tuple[TroubleView, ...]
    loud: tuple[VerdictView, ...]  # fail and warn
    quiet: tuple[VerdictView, ...]  # everything else
    warnings: tuple[str, ...]
    runs: tuple[RunView, ...]
    trends: TrendsView
    cases: CasesView
    generated: str
    version: str


def page_view(result: SessionResult, trends: Sequence[TrendPoint], generated_at: datetime) -> PageView:
    """Everything the template shows."""
    now = standing(result.runs)
    cases = cases_view(result.runs)
    verdicts = _verdicts(loudest_first(verdict for run in result.runs for verdict in run.verdicts), cases.numbers)
    return PageView(
        headline=headline(result, now),
        tone=now.tone,
        icon=ICONS[now.tone],
        coverage=sentence(coverage(now)) if result.runs else "No test used vizart in this session.",
        facts=_facts(result.session),
        troubles=tuple(_trouble(run) for run in result.runs if run.info.error),
        loud=tuple(found for found in verdicts if found.tone in ("fail", "warn")),
        quiet=tuple(found for found in verdicts if found.tone not in ("fail", "warn")),
        warnings=result.warnings,
        runs=_runs(result, cases),
        trends=trends_view(result, trends),
        cases=cases,
        generated=generated_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=result.session.version,
    )


def _runs(result: SessionResult, cases: CasesView) -> tuple[RunView, ...]:
    loudness = list(ICONS)
    runs = sorted(result.runs, key=lambda run: loudness.index(run_tone(run)))
    return tuple(run_view(run, number, cases) for number, run in enumerate(runs))


def _trouble(run: RunResult) -> TroubleView:
    return TroubleView(run.info.test_id, run.info.status, run.info.error or "")


def _verdicts(verdicts: Sequence[Verdict], numbers: dict[CaseKey, int]) -> tuple[VerdictView, ...]:
    """Each list of samples once for its stage: verdicts on many metrics often rest on the same ones."""
    listed: set[tuple[str, str, tuple[str, ...]]] = set()
    views = []
    for verdict in verdicts:
        view, key = _verdict(verdict, numbers), (verdict.test_id, verdict.stage, verdict.samples)
        if verdict.samples and key in listed:
            view = replace(view, samples=(), more_samples=0, as_above=len(verdict.samples))
        listed.add(key)
        views.append(view)
    return tuple(views)


def _verdict(verdict: Verdict, numbers: dict[CaseKey, int]) -> VerdictView:
    tone = TONE_OF_STATUS[verdict.status]
    shown = verdict.samples[:_MOST_SAMPLES]
    return VerdictView(
        status=verdict.status,
        tone=tone,
        icon=ICONS[tone],
        test_id=verdict.test_id,
        stage=verdict.stage,
        what=f"{verdict.kind} · {verdict.metric}",
        message=unbroken(sentence(verdict.message)),
        value=_amount(verdict, verdict.value),
        limit=_relative_limit(verdict) or _amount(verdict, verdict.limit),
        effect=_effect(verdict),
        samples=tuple(SampleLink(name, numbers.get((verdict.test_id, verdict.stage, name))) for name in shown),
        more_samples=len(verdict.samples) - len(shown),
    )


def _relative_limit(verdict: Verdict) -> str:
    """Compared with the history, a stage is held to a slowdown and not to milliseconds."""
    if verdict.kind != "latency" or verdict.metric.endswith("_ms") or verdict.limit is None:
        return ""
    return f"{verdict.limit * 100:+.1f}\u00a0%"


def _amount(verdict: Verdict, value: float | None) -> str:
    if value is None:
        return ""
    if verdict.metric == "min_per_second":
        return f"{value:,.3g}\u00a0/s"
    if verdict.kind in ("latency", "memory"):
        return f"{milliseconds(value)}\u00a0{'ms' if verdict.kind == 'latency' else 'MB'}"
    return f"{value:g}" if verdict.metric in _COUNTED else metric_value(value)


def _effect(verdict: Verdict) -> str:
    if verdict.effect is None:
        return ""
    if verdict.kind == "latency":
        text = f"{verdict.effect * 100:+.1f} %"
        return (
            text
            if verdict.interval is None
            else text + " [{:+.1f} … {:+.1f}]".format(*(100 * v for v in verdict.interval))
        )
    unit = " MB" if verdict.kind == "memory" else ""
    return f"{verdict.effect:+.3g}{unit}"


def _facts(session: Session) -> tuple[tuple[str, str], ...]:
    code, machine = session.code, session.machine
    commit = f"{code.commit[:10]}{' + changes' if code.dirty else ''}" if code.commit else "not in git"
    started = datetime.fromtimestamp(session.started_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")
    facts = [
        ("Started", started),
        ("Branch", code.branch or "–"),
        ("Commit", commit),
        ("Machine", f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb} GB"),
        ("System", f"{machine.system}, Python {machine.python}"),
    ]
    if machine.gpu:
        facts.append(("GPU", machine.gpu))
    libraries = ", ".join(f"{name} {version}" for name, version in machine.libraries.items())
    return (*facts, *([("Libraries", libraries)] if libraries else []), ("Command", session.command))
