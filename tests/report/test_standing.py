from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.span import SpanTable
from pytest_vizart.records.stage import StageStats
from pytest_vizart.records.verdict import Verdict
from pytest_vizart.report.standing import coverage, headline, loudest_first, standing

from . import builders


def _run(*verdicts: tuple[str, str], status: str = "passed", stages: tuple[str, ...] = ()) -> RunResult:
    judged = tuple(
        Verdict(builders.COINS, stage, "latency", "cpu_ms", said, "said", baseline={"runs": 2, "needed": 5})  # type: ignore[arg-type]
        for stage, said in verdicts
    )
    stats = tuple(StageStats(name, 1, 0, None) for name in stages)
    return RunResult(builders.run_info(status=status), SpanTable(), stats, verdicts=judged)


@pytest.mark.parametrize(
    "run, said, tone",
    [
        (_run(("a", "pass"), ("b", "pass")), "All 2 checks passed", "pass"),
        (_run(("a", "pass")), "The only check passed", "pass"),
        (_run(("a", "fail"), ("b", "pass"), ("c", "learning"), status="failed"), "1 of 2 checks failed", "fail"),
        (_run(("a", "suspect"), ("b", "pass")), "No check failed, 1 of 2 suspect", "warn"),
        (_run(("a", "provisional"), ("b", "pass")), "1 of 2 checks passed, 1 provisional", "warn"),
        (_run(("a", "learning")), "Nothing could be judged yet", "info"),
        (_run(status="failed"), "1 test failed", "fail"),
        (_run(status="error"), "1 test raised an error", "fail"),
    ],
)
def test_the_headline_says_what_matters_most(run: RunResult, said: str, tone: str) -> None:
    now = standing([run])
    assert (headline(SessionResult(builders.session(), (run,)), now), now.tone) == (said, tone)


def test_nothing_passes_in_silence() -> None:
    run = _run(("a", "pass"), ("a", "learning"), ("b", "no-baseline"), ("c", "inconclusive"), stages=("a", "d"))
    assert coverage(standing([run])) == (
        "1 stage checked, 1 without baseline, 1 learning (2 of 5 runs), 1 check inconclusive, 1 not checked"
    )


def test_progress_without_a_known_end() -> None:
    run = _run(("a", "learning"))
    run = replace(run, verdicts=(replace(run.verdicts[0], baseline={"runs": 2}),))
    assert standing([run]).learning_progress == "2 runs so far"


def test_loud_verdicts_come_first() -> None:
    run = _run(("a", "pass"), ("b", "learning"), ("c", "fail"), ("d", "suspect"))
    assert [verdict.stage for verdict in loudest_first(run.verdicts)] == ["c", "d", "b", "a"]
