"""What measuring a stage costs: ours at every level, journaled, beside a bare loop and what others use.

One process; all ways of measuring run in turn, round after round, each switched on for its own slice only. The cost
of an empty stage is that of a loop of stages less the bare loop (of a call less the bare call) in the same round.

Stages shorter than 0.2 ms drop to timing alone after some executions: "detailed" and "full" have that switched off,
"short stages" shows it. Real work is interpreter and numpy in equal parts; its stages run with everything as it is by
default, each slice beside one of the bare work. There caches are cold: a stage costs some microseconds more than an
empty one in a loop. "bare again" and the 95 % intervals show how far the noise reaches.

    python benchmarks/overhead.py [--rounds 30] [--session] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from measured_session import measure_sessions, session_table
from stage_arms import ARMS, BARE, Arm, recorded, run_nothing

SLICE_NS = 8_000_000
WORK_SLICE_NS = 10_000_000
WORK_MS = (0.1, 1.0, 10.0)
WORK_ROUNDS = 60


@dataclass(frozen=True)
class Target:
    """name: of the arm. limit: nanoseconds a stage, or percent of a stage of 1 ms, derived from its cost."""

    name: str
    limit: float
    at_1_ms: bool = False


TARGETS = (
    Target("@profile, no run active", 100),
    Target("basic", 1_200),
    Target("detailed", 10_000),
    Target("basic", 0.2, at_1_ms=True),
    Target("detailed", 1.2, at_1_ms=True),
)

_BY_NAME = {arm.name: arm for arm in ARMS}
WORK_ARMS = (
    Arm("bare again"),
    _BY_NAME["basic"],
    Arm("detailed", lambda: recorded("detailed")),
    Arm("full", lambda: recorded("full")),
    _BY_NAME["generator context manager"],
    _BY_NAME["OpenTelemetry span"],
    _BY_NAME["psutil at both edges"],
    _BY_NAME["cProfile"],
    _BY_NAME["pyinstrument"],
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="rounds of empty stages")
    parser.add_argument("--session", action="store_true", help="also the examples, measured and bare")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    figures: dict[str, Any] = {
        "schema_version": 1,
        "python": sys.version.split()[0],
        "rounds": options.rounds,
        "empty_stage_ns": empty_stages(options.rounds),
        "work": {f"{wanted_ms:g} ms": real_work(wanted_ms) for wanted_ms in WORK_MS},
    }
    figures["targets"] = judged(figures["empty_stage_ns"])
    if options.session:
        figures["session"] = measure_sessions()
    print(json.dumps(figures, indent=2) if options.json else table(figures))
    return 0


def empty_stages(rounds: int) -> dict[str, dict[str, float] | None]:
    """Return nanoseconds an empty stage for each way of measuring; None where its package is not installed."""
    arms = [arm for arm in ARMS if arm.available]
    counts = {arm.name: fitting(arm, None, SLICE_NS) for arm in arms}
    costs: dict[str, list[float]] = {arm.name: [] for arm in ARMS}
    for number in range(rounds):
        took: dict[str, float] = {}
        bare_loop = run_nothing(100_000) / 100_000
        shift = number % len(arms)  # none always follows the same one
        for arm in arms[shift:] + arms[:shift]:
            with arm.opened() as loop:
                took[arm.name] = loop(counts[arm.name]) / counts[arm.name]
        for arm in arms:
            bare = bare_loop if arm.stage is not None or arm is BARE else took[BARE.name]
            costs[arm.name].append(took[arm.name] - bare)
    return {
        name: {"median": round(statistics.median(each), 1), "min": round(min(each), 1)} if each else None
        for name, each in costs.items()
    }


def real_work(wanted_ms: float) -> dict[str, Any]:
    """Return the overhead in percent of stages with real work, each slice beside one of the bare work."""
    work, took_ms = made_work(wanted_ms)
    count = max(round(WORK_SLICE_NS / (took_ms * 1e6)), 1)
    arms = [arm for arm in WORK_ARMS if arm.available]
    percents: dict[str, list[float]] = {arm.name: [] for arm in WORK_ARMS}
    for number in range(WORK_ROUNDS):
        shift = number % len(arms)
        for arm in arms[shift:] + arms[:shift]:
            order = (arm, BARE) if number % 2 else (BARE, arm)
            took: dict[bool, int] = {}
            for each in order:
                with each.opened(work) as loop:
                    took[each is BARE] = loop(count)
            percents[arm.name].append(100 * (took[False] / took[True] - 1))
    return {
        "work_ms": round(took_ms, 4),
        "percent": {name: middle(each) if each else None for name, each in percents.items()},
    }


def middle(values: list[float]) -> dict[str, float]:
    """Return the median and half of its 95 % interval (McGill, Tukey and Larsen, 1978)."""
    lower, median, upper = statistics.quantiles(values, n=4)
    return {"median": round(median, 3), "interval": round(1.57 * (upper - lower) / len(values) ** 0.5, 3)}


def made_work(wanted_ms: float) -> tuple[Callable[[], None], float]:
    """Return work that takes about so long, and how long it takes."""
    work = Work(1)
    for _ in range(3):
        took_ms = min(timed_ms(work) for _ in range(50 if wanted_ms < 5 else 10))
        work = replace(work, units=max(round(work.units * wanted_ms / took_ms), 1))
    return work, statistics.median(timed_ms(work) for _ in range(20))


@dataclass(frozen=True)
class Work:
    """Interpreter and numpy in equal parts, about 10 µs a unit."""

    units: int

    def __call__(self) -> None:
        total = 0
        for _ in range(self.units):
            for step in range(80):
                total = (total * 33 + step) & 0xFFFF
            np.multiply(_VALUES, _VALUES, out=_ROOM)  # no memory is taken: where it lies would be measured too
            np.sqrt(_ROOM, out=_ROOM).sum()


_VALUES = np.linspace(0.0, 1.0, 2_048)
_ROOM = np.empty_like(_VALUES)


def timed_ms(function: Callable[[], None]) -> float:
    start = time.perf_counter_ns()
    function()
    return (time.perf_counter_ns() - start) / 1e6


def fitting(arm: Arm, work: Callable[[], None] | None, slice_ns: int) -> int:
    """Return how many stages fill a slice."""
    with arm.opened(work) as loop:
        return max(round(slice_ns / max(loop(200) / 200, 1)), 100)


def judged(costs: dict[str, dict[str, float] | None]) -> list[dict[str, Any]]:
    """Return each target with what was measured, and whether it is met."""
    results = []
    for target in TARGETS:
        cost = costs[target.name]
        assert cost is not None
        value = round(100 * cost["median"] / 1e6, 3) if target.at_1_ms else cost["median"]
        results.append(
            {
                "what": f"{target.name}, stage of 1 ms, %" if target.at_1_ms else f"{target.name}, ns",
                "measured": value,
                "limit": target.limit,
                "met": value <= target.limit,
            }
        )
    return results


def table(figures: dict[str, Any]) -> str:
    """Return the figures as lines of text."""
    lines = [f"{'an empty stage, less the bare loop':<40}{'median ns':>12}{'min ns':>10}"]
    lines += [
        f"{name:<40}{cost['median']:>12,.0f}{cost['min']:>10,.0f}" if cost else f"{name:<40}{'not installed':>22}"
        for name, cost in figures["empty_stage_ns"].items()
    ]
    lines += [
        "",
        f"{'stages with work, % above the bare work':<40}" + "".join(f"{size:>16}" for size in figures["work"]),
    ]
    for arm in WORK_ARMS:
        cells = [_percent(each["percent"][arm.name]) for each in figures["work"].values()]
        lines.append(f"{arm.name:<40}" + "".join(f"{cell:>16}" for cell in cells))
    for name in ("basic", "detailed", "detailed, short stages", "full"):
        cost = figures["empty_stage_ns"][name]["median"]
        cells = [f"{cost / size / 1e4:.2f}       " for size in WORK_MS]
        lines.append(f"{'derived: ' + name:<40}" + "".join(f"{cell:>16}" for cell in cells))
    lines += ["", f"{'target':<40}{'measured':>12}{'limit':>10}"]
    lines += [
        f"{each['what']:<40}{each['measured']:>12,}{each['limit']:>10,}  {'met' if each['met'] else 'NOT MET'}"
        for each in figures["targets"]
    ]
    if "session" in figures:
        lines += ["", *session_table(figures["session"])]
    return "\n".join(lines)


def _percent(value: dict[str, float] | None) -> str:
    return "-" if value is None else f"{value['median']:.2f} ± {value['interval']:.2f}"


if __name__ == "__main__":
    raise SystemExit(main())
