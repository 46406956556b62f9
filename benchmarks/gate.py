"""Replays recorded stage times through the latency gate: false suspicions when unchanged, slowdowns found.

    python benchmarks/gate.py [--traces FILE] [--json]

Each round from the 11th on is judged against the first run of each of the 10 rounds before it. The slowed runs slow
every stage, each at another level: one stage is left slowed, the known effects of the others are taken out. A session
is suspect when any stage, or the whole pipeline, is. "3 of 3": the same stage is suspect in three runs and slower by
more than 3 % on average, as reruns would confirm it. Runs of one round are not independent: rounds are counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from pytest_vizart.gating.latency import HISTORY_RUNS, PIPELINE, judge_latency
from pytest_vizart.gating.times import RunTimes, StageTimes
from pytest_vizart.records.verdict import Verdict

STAGES = ("decode", "preprocess", "detect", "postprocess")
LEVELS = (3, 5, 10, 20)
DEFAULT_TRACES = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "gate_traces" / "traces.npz"
CONFIRMED_EFFECT = 0.03
PUBLISHED = (
    "published for 3 of 3, all recordings: 1.2 % [0.2..2.8] of sessions false (stages alone), "
    "96 / 100 / 100 % found at +5 / +10 / +20 %; 93 % at +5 % on the half that is given away"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--traces", type=Path, default=DEFAULT_TRACES, metavar="FILE", help="the recordings, an npz file"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    if not options.traces.is_file():
        print(f"no recordings at {options.traces}; name them with --traces=FILE", file=sys.stderr)
        return 2
    figures = replay(dict(np.load(options.traces)))
    print(json.dumps(figures, indent=2) if options.json else table(figures))
    return 0


def replay(traces: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of one recording; its arrays are described in the README beside it."""
    base, slow = traces["base"].astype(float), traces["slow"].astype(float)
    unchanged = [[run_times(f"base-{r}-{i}", base[r, i]) for i in range(3)] for r in range(len(base))]
    rounds = range(HISTORY_RUNS, len(base))
    sessions = [judged_round(unchanged[r], unchanged[r - HISTORY_RUNS : r]) for r in rounds]
    found: dict[int, list[tuple[float, bool]]] = {level: [] for level in LEVELS}
    everywhere: list[tuple[float, bool]] = []
    for r in rounds:
        for stage, level in enumerate(traces["level_pct"][r].tolist()):
            others = taken_out(slow[r], traces["level_pct"][r], traces["effect_log"], stage)
            runs = [run_times(f"slow-{r}-{i}", others[i]) for i in range(3)]
            verdicts = judged_round(runs, unchanged[r - HISTORY_RUNS : r])
            found[level].append(alarms(verdicts, [STAGES[stage]]))
        runs = [run_times(f"slow-{r}-{i}", slow[r, i]) for i in range(3)]
        everywhere.append(alarms(judged_round(runs, unchanged[r - HISTORY_RUNS : r]), [PIPELINE]))
    seconds = timed(unchanged, sessions)
    return {
        "rounds": len(rounds),
        "unchanged": {
            "any": rates([alarms(each, [*STAGES, PIPELINE]) for each in sessions]),
            "stages": rates([alarms(each, STAGES) for each in sessions]),
            "pipeline": rates([alarms(each, [PIPELINE]) for each in sessions]),
            "inconclusive": fmean(
                v.status == "inconclusive" for each in sessions for run in each for v in run.values()
            ),
        },
        "one_stage_slowed": {str(level): rates(results) for level, results in found.items()},
        "all_stages_slowed_pipeline": rates(everywhere),
        "judging_ms": seconds * 1e3,
    }


def run_times(run_id: str, run: np.ndarray[Any, Any]) -> RunTimes:
    """run: (passes, samples, 10), wall and CPU of the calibration and the four stages, nanoseconds."""
    passes, samples = run.shape[:2]

    def stage(column: int) -> StageTimes:
        wall, cpu = run[..., column].T, run[..., column + 1].T
        rows = np.repeat(np.arange(samples), passes)
        return StageTimes(wall, cpu, None, None, wall.ravel(), rows)

    stages = {name: stage(2 + 2 * number) for number, name in enumerate(STAGES)}
    return RunTimes(run_id, tuple(f"image_{row:02}" for row in range(samples)), passes, stages, stage(0))


def taken_out(
    runs: np.ndarray[Any, Any], levels: np.ndarray[Any, Any], effect_log: np.ndarray[Any, Any], slowed: int
) -> np.ndarray[Any, Any]:
    """Return the slowed runs of a round with one stage left slowed: the others' measured effects divided out."""
    changed = runs.copy()
    for other in range(len(STAGES)):
        if other != slowed:
            effect = effect_log[other, LEVELS.index(int(levels[other]))]
            changed[..., 2 + 2 * other : 4 + 2 * other] /= np.exp(effect)
    return changed


def judged_round(runs: Sequence[RunTimes], history: Sequence[Sequence[RunTimes]]) -> list[dict[str, Verdict]]:
    """Return stage -> verdict for each of the three runs of one round; the history is one run of each round before."""
    return [{v.stage: v for v in judge_latency("replay", run, [each[0] for each in history])} for run in runs]


def alarms(runs: Sequence[dict[str, Verdict]], stages: Sequence[str]) -> tuple[float, bool]:
    """Return the share of single runs in which any of the stages is suspect, and whether 3 of 3 runs confirm one."""
    single = fmean(any(stage in run and run[stage].status == "suspect" for stage in stages) for run in runs)
    return single, any(confirmed([run[stage] for run in runs if stage in run]) for stage in stages)


def confirmed(verdicts: Sequence[Verdict]) -> bool:
    suspect = len(verdicts) == 3 and all(verdict.status == "suspect" for verdict in verdicts)
    return suspect and fmean(verdict.effect or 0.0 for verdict in verdicts) > CONFIRMED_EFFECT


def rates(results: Sequence[tuple[float, bool]]) -> dict[str, float]:
    return {
        "single_run": fmean(single for single, _ in results),
        "three_of_three": fmean(three for _, three in results),
    }


def timed(unchanged: Sequence[Sequence[RunTimes]], sessions: Sequence[object]) -> float:
    """Return the seconds that judging one run takes, the best of the replayed sessions."""
    best = float("inf")
    for number in range(len(sessions)):
        start = time.perf_counter()
        judge_latency(
            "replay", unchanged[number + HISTORY_RUNS][0], [each[0] for each in unchanged[number:][:HISTORY_RUNS]]
        )
        best = min(best, time.perf_counter() - start)
    return best


def table(figures: dict[str, Any]) -> str:
    """Return the figures as lines of text."""
    lines = [f"{figures['rounds']} rounds, 3 runs each, {HISTORY_RUNS} baseline runs   single run   3 of 3"]
    rows = [
        ("unchanged: any stage or the pipeline suspect", figures["unchanged"]["any"]),
        ("unchanged: any of the 4 stages suspect", figures["unchanged"]["stages"]),
        ("unchanged: the whole pipeline suspect", figures["unchanged"]["pipeline"]),
        *((f"one stage slowed by {level} %: found", each) for level, each in figures["one_stage_slowed"].items()),
        ("all stages slowed: pipeline found", figures["all_stages_slowed_pipeline"]),
    ]
    lines += [f"{label:<48} {each['single_run']:>7.1%} {each['three_of_three']:>10.1%}" for label, each in rows]
    lines.append(f"unchanged: inconclusive verdicts {figures['unchanged']['inconclusive']:.1%}")
    lines.append(f"judging one run: {figures['judging_ms']:.1f} ms")
    return "\n".join([*lines, PUBLISHED])


if __name__ == "__main__":
    raise SystemExit(main())
