"""Judging a finished run: limits of its markers, and comparison with the accepted history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.gating.accuracy import RECORDED, judge_accuracy
from pytest_vizart.gating.baseline import acceptance, select_baseline_runs
from pytest_vizart.gating.flips import Flips, flips
from pytest_vizart.gating.latency import judge_latency
from pytest_vizart.gating.limits import AccuracyLimit, LatencyLimit, MemoryLimit
from pytest_vizart.gating.memory import judge_memory
from pytest_vizart.gating.outcome import failing
from pytest_vizart.gating.throttling import throttled
from pytest_vizart.gating.throughput import judge_throughput
from pytest_vizart.gating.times import RunTimes
from pytest_vizart.history.reader import Decision, History
from pytest_vizart.records.run import Code, Machine, RunResult
from pytest_vizart.records.score import Score
from pytest_vizart.records.verdict import Verdict, VerdictKind
from pytest_vizart.settings import Settings
from pytest_vizart.workflow.accuracy_baseline import accuracy_baseline

_TIMED_COLUMNS = ("stage", "parent", "sample_id", "pass_index", "warmup", "wall_ns", "cpu_ns", "process_cpu_ns",
                  "voluntary_switches", "error")  # fmt: skip
_DEFAULT_BASE_BRANCHES = ("main", "master")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the markers of a test demand, closest marker first."""

    accuracy: tuple[AccuracyLimit, ...] = ()
    latency: tuple[LatencyLimit, ...] = ()
    memory: tuple[MemoryLimit, ...] = ()

    @property
    def rules(self) -> dict[str | None, str]:
        """Stage, or None for every stage, -> when a sample is correct; the closest marker's."""
        found: dict[str | None, str] = {}
        for limit in self.accuracy:
            if limit.correct_when is not None:
                found.setdefault(limit.stage, limit.correct_when)
        return found


@dataclass(frozen=True, slots=True)
class _KeptRun:
    """A row of the history's `runs`, as the choice of a baseline wants it."""

    run_id: str
    session_id: str
    started_us: int
    accepted: bool
    accepted_latency: bool
    branch: str | None
    commit: str | None
    fingerprint: str
    profile: str


def judge_run(
    result: RunResult,
    *,
    settings: Settings,
    machine: Machine,
    code: Code,
    limits: Limits,
    history: History,
    incomplete: str | None = None,
    dataset_root: Path | None = None,
) -> RunResult:
    """Return the run with its verdicts, with newly wrong and newly fixed samples, and with what it may serve for.

    `incomplete` says why the run is but a subset of what its test covers; then nothing is compared with the history.
    `dataset_root` is the dataset's folder, where a committed baseline may lie; it goes before the history's.
    """
    info = result.info
    if settings.gate == "off":
        return refused(result, "the gate was off")
    rows = _kept_runs(history, info.test_id)
    branches = (settings.base,) if settings.base else _DEFAULT_BASE_BRANCHES
    try:
        baseline = accuracy_baseline(history, rows, info.test_id, branches, code.branch, dataset_root)
    except GoldenFormatError as error:
        baseline, unreadable = None, [Verdict(info.test_id, "(all)", "accuracy", "presence", "fail", str(error))]
    else:
        unreadable = []
    whole = not (info.partial or incomplete) and info.status != "error"
    changed = flips(result.outcomes, baseline)
    scores = tuple(_with_flips(score, changed.get(score.stage)) for score in result.scores)
    verdicts: list[Verdict] = unreadable
    if info.status != "error":
        verdicts += judge_accuracy(info.test_id, scores, result.outcomes, baseline if whole else None, limits.accuracy)
        latency = _latency(result, rows, branches, machine, code, limits, history, whole)
        latency += judge_throughput(info.test_id, result.stages, limits.latency, contended=info.contended)
        verdicts += throttled(latency, result.profile.gpu, result.stages)
        verdicts += judge_memory(info.test_id, result.stages, limits.memory, result.profile.leaks)
    if not whole and info.status != "error":
        verdicts = [_incomplete(verdict, incomplete or "only a part of the data was used") for verdict in verdicts]
    verdicts += _limits_on_nothing(result, limits)
    status = (
        "failed" if info.status == "passed" and failing(verdicts, gate="fail", strict=settings.strict) else info.status
    )
    judged = replace(result, scores=scores, verdicts=tuple(verdicts), info=replace(info, status=status))
    return _accepted(judged, settings, code)


def _limits_on_nothing(result: RunResult, limits: Limits) -> list[Verdict]:
    """A limit for every stage, where there is no stage to hold to it, must not pass in silence."""
    if result.info.status == "error":
        return []
    kinds: tuple[tuple[VerdictKind, bool, bool, str], ...] = (
        ("accuracy", bool(limits.accuracy), bool(result.scores), "no stage was compared with ground truth"),
        ("latency", bool(limits.latency), bool(result.stages), "no stage was measured"),
        ("memory", bool(limits.memory), bool(result.stages), "no stage was measured"),
    )
    return [
        Verdict(result.info.test_id, "(all)", kind, "presence", "fail", f"{kind} has a limit, but {what}")
        for kind, limited, held, what in kinds
        if limited and not held
    ]


def refused(result: RunResult, because: str) -> RunResult:
    """Return the run as one that serves as no baseline."""
    info = replace(result.info, accepted=False, accepted_latency=False, not_accepted_because=because)
    return replace(result, info=info)


def _accepted(result: RunResult, settings: Settings, code: Code) -> RunResult:
    info = result.info
    if not result.stages and not result.scores:
        return refused(result, "nothing was measured")
    allowed = acceptance(
        result.verdicts,
        status=info.status,
        partial=info.partial,
        dirty=code.dirty,
        in_ci=settings.in_ci,
        contended=info.contended,
    )
    return replace(
        result,
        info=replace(
            info,
            accepted=allowed.accepted,
            accepted_latency=allowed.accepted_latency,
            not_accepted_because=allowed.because or allowed.latency_because,
        ),
    )


def _incomplete(verdict: Verdict, reason: str) -> Verdict:
    """A declared floor still fails on a subset of the data? No: mAP of a part says nothing about the whole."""
    if verdict.kind != "accuracy" or verdict.status not in ("fail", "no-baseline") or verdict.metric == RECORDED:
        return verdict
    if verdict.status == "no-baseline":
        message = f"{verdict.message.partition(': no baseline run yet')[0]}: not compared, {reason}"
        return replace(verdict, status="inconclusive", message=message)
    return replace(verdict, status="inconclusive", message=f"{verdict.message}; not judged: {reason}")


def _with_flips(score: Score, changed: Flips | None) -> Score:
    if changed is None:
        return score
    return replace(
        score,
        newly_wrong=changed.newly_wrong,
        newly_fixed=changed.newly_fixed,
        negative_flip_rate=changed.negative_flip_rate,
        objects=changed.objects,
    )


def _latency(
    result: RunResult,
    rows: Sequence[_KeptRun],
    branches: Sequence[str],
    machine: Machine,
    code: Code,
    limits: Limits,
    history: History,
    whole: bool,
) -> list[Verdict]:
    info = result.info
    comparable = (
        [row for row in rows if row.fingerprint == machine.fingerprint and row.profile == info.profile] if whole else []
    )
    chosen = select_baseline_runs(comparable, base_branches=branches, branch=code.branch, kind="latency")
    return judge_latency(
        info.test_id,
        RunTimes.from_spans(info.run_id, result.spans),
        _run_times(history, chosen),
        limits.latency,
        branch=chosen[-1].branch if chosen else None,
        contended=info.contended,
    )


def _run_times(history: History, chosen: Sequence[_KeptRun]) -> list[RunTimes]:
    if not chosen:
        return []
    table = history.spans(
        run_ids=[row.run_id for row in chosen],
        session_ids=[row.session_id for row in chosen],
        columns=("run_id", *_TIMED_COLUMNS),
    )
    columns = {name: table[name].to_pylist() for name in table.column_names}
    rows_of: dict[str, list[int]] = {row.run_id: [] for row in chosen}
    for position, run_id in enumerate(columns.pop("run_id")):
        rows_of[run_id].append(position)
    return [
        RunTimes.from_columns(run_id, {name: [values[row] for row in positions] for name, values in columns.items()})
        for run_id, positions in rows_of.items()
        if positions
    ]


def _kept_runs(history: History, test_id: str) -> list[_KeptRun]:
    columns = ["run_id", "session_id", "accepted", "accepted_latency", "branch", "commit", "fingerprint", "profile"]
    table = history.runs(test_id=test_id, columns=[*columns, "started_at"])
    started_us = table["started_at"].cast("int64").to_pylist()
    rows: list[dict[str, Any]] = table.select(columns).to_pylist()
    kept = [_KeptRun(started_us=started, **row) for started, row in zip(started_us, rows, strict=True)]
    return _since_decisions(kept, history.decisions())


def _since_decisions(kept: Sequence[_KeptRun], decisions: Mapping[str, Decision]) -> list[_KeptRun]:
    """Leave out, branch by branch, what was kept before somebody accepted a run: since then things are as meant."""
    newest: dict[str | None, tuple[int, str]] = {}
    for row in kept:
        decision = decisions.get(row.run_id)
        if decision is not None and decision.accepted:
            newest[row.branch] = max(newest.get(row.branch, (0, "")), (decision.decided_us, row.run_id))
    return [
        row
        for row in kept
        if row.branch not in newest or row.run_id == newest[row.branch][1] or row.started_us > newest[row.branch][0]
    ]
