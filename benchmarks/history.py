"""Months of runs, kept and asked: ours beside SQLite, JSON files as pytest-benchmark's, JSON Lines and DuckDB.

10,000 runs of 8 stages, 10 runs a session, once by themselves and once with their 1,000,000 spans: bytes on disk, the
time it takes to keep one more session, and five questions: the stages of a run; a run with all that is kept of it;
median, p95 and p99 of each stage over all runs; the last 10 accepted runs of a test on one machine and branch, which
the gate compares with; the trend of a test over all its runs. Ours is asked compacted, as `vizart compact` leaves it,
and with 100 loose files more, at which the end of a session merges them.

All are asked in turn, round after round, in one process: `cold` after the system has let go of the files (the disk may
still have them in its own memory), `new` with the files in the system's memory, both opening everything and asking
once; `same` asks again for something else. Times are medians of wall-clock time; `x` is how many times as long as
ours, compacted, the median of the ratios of each round; `--json` has CPU time too, and the shortest of the rounds. The
answers of all are compared. Then the audit log: lines written and found.

    python benchmarks/history.py [--quick] [--rounds 15] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from history_audit import audit_figures
from history_data import TESTS, Past
from history_keeper import Keeper
from history_peers import PEERS, Ours
from history_questions import QUESTIONS, asked, files_in

from pytest_vizart.history.compaction import compact
from pytest_vizart.storage.opening import open_store

LOOSE = 100
_AT_ONCE = 50
COMPACTED, WITH_LOOSE = "ours", f"ours + {LOOSE} loose"


@dataclass(frozen=True)
class Target:
    """limit: of the median of ours, in the unit of the figure."""

    what: str
    limit: float
    of: Callable[[dict[str, Any]], float]


TARGETS = (
    Target("10,000 runs x 8 stages on disk, MB", 1.5, lambda all_: _runs(all_)["size_mb"][COMPACTED]),
    Target("times smaller than JSON", 1 / 0.3, lambda all_: 1 / _runs(all_)["share_of_json"]),
    Target("stages of a run, ms", 10, lambda all_: _asked(all_, COMPACTED, "stages of a run")),
    Target("one run, ms", 10, lambda all_: _asked(all_, COMPACTED, "one run")),
    Target("percentiles, ms", 10, lambda all_: _asked(all_, COMPACTED, "percentiles")),
    Target("last accepted, ms", 20, lambda all_: _asked(all_, COMPACTED, "last accepted")),
    Target("trend, ms", 20, lambda all_: _asked(all_, COMPACTED, "trend")),
    *(
        Target(f"{name}, {LOOSE} loose, ms", 40, lambda all_, name=name: _asked(all_, WITH_LOOSE, name))  # type: ignore[misc]
        for name in QUESTIONS
    ),
    Target("keeping one more before fsync, ms", 10, lambda all_: all_["with_spans"]["keep_ms"]["before fsync"]["ours"]),
    Target("audit line written, us", 9, lambda all_: all_["audit"]["written_us"]["ours"]["median"]),
    Target("run found in the log, ms", 10, lambda all_: all_["audit"]["found_ms"]["ours"]["median"]),
)


def _runs(figures: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = figures["runs_and_stages"]
    return found


def _asked(figures: dict[str, Any], name: str, question: str) -> float:
    return float(_runs(figures)["questions"][question]["new"][name]["ms"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs, spans and log lines")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of questions")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    sessions = 100 if options.quick else 1_000
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        figures = {
            "schema_version": 1,
            "python": sys.version.split()[0],
            "cores": os.cpu_count(),
            "runs": sessions * TESTS,
            "absent": [] if _installed("duckdb") else ["duckdb"],
            "runs_and_stages": measured(place / "runs", Past(sessions, spans=False), options.rounds),
            "with_spans": measured(place / "spans", Past(sessions), max(options.rounds // 3, 1)),
            "audit": audit_figures(place / "audit", 80 * sessions, options.rounds),
        }
    figures["targets"] = [] if options.quick else judged(figures)
    print(json.dumps(figures, indent=2) if options.json else table(figures))
    return 0


def _installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def measured(folder: Path, past: Past, rounds: int) -> dict[str, Any]:
    """Keep a past in every way and ask them all."""
    places = filled(folder, past)
    makers: dict[str, type[Keeper]] = {COMPACTED: Ours, WITH_LOOSE: Ours, **{kind.name: kind for kind in _peers()}}
    sizes = {name: _size(place) for name, place in places.items()}
    return {
        "size_mb": {name: round(size / 1e6, 3) for name, size in sizes.items()},
        "share_of_json": round(sizes[COMPACTED] / sizes["JSON files"], 4),
        "questions": asked(places, makers, past, rounds, base=COMPACTED, with_more=WITH_LOOSE),
        "keep_ms": kept(places, past, rounds),
    }


def _peers() -> list[type[Keeper]]:
    return [kind for kind in PEERS if kind.name != "DuckDB" or _installed("duckdb")]


def _kinds() -> list[type[Keeper]]:
    return [Ours, *_peers()]


def filled(folder: Path, past: Past) -> dict[str, Path]:
    """Return the folders, by name: everybody's with the past, ours also with sessions that are not yet compacted."""
    places = {kind.name: folder / kind.name.replace(" ", "_") for kind in _kinds()}
    keepers: dict[str, Keeper] = {}
    for kind in _kinds():
        places[kind.name].mkdir(parents=True)
        keepers[kind.name] = kind(places[kind.name])
        keepers[kind.name].sync(False)
    store = open_store(places[COMPACTED])
    for first in range(0, past.sessions, _AT_ONCE):
        sessions = [past.session(number) for number in range(first, min(first + _AT_ONCE, past.sessions))]
        for keeper in keepers.values():
            keeper.keep_all([keeper.prepared(session) for session in sessions])
        compact(store)  # as at the end of a session
    compact(store, everything=True)
    for keeper in keepers.values():
        keeper.close()
    places[WITH_LOOSE] = folder / "loose"
    shutil.copytree(places[COMPACTED], places[WITH_LOOSE])
    loose = Ours(places[WITH_LOOSE])
    for number in range(past.sessions, past.sessions + LOOSE // len(past.session(0).tables)):
        loose.keep(past.session(number))
    os.sync()
    return places


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in files_in(place))


def kept(places: dict[str, Path], past: Past, rounds: int) -> dict[str, Any]:
    """Keep one more session in turn, with and without waiting for the disk."""
    keepers = {kind.name: kind(places[kind.name]) for kind in _kinds()}
    figures: dict[str, dict[str, float | None]] = {}
    number = past.sessions + LOOSE
    for label, sync in (("before fsync", False), ("with fsync", True)):
        took: dict[str, list[float]] = {name: [] for name in keepers}
        able = {name for name, keeper in keepers.items() if keeper.sync(sync)}
        for at in range(rounds + 1):
            session = past.session(number)
            number += 1
            for name, keeper in keepers.items():
                prepared = keeper.prepared(session)
                start = time.perf_counter()
                keeper.keep(prepared)
                if at and name in able:
                    took[name].append(1e3 * (time.perf_counter() - start))
        figures[label] = {name: round(median(each), 2) if each else None for name, each in took.items()}
    for keeper in keepers.values():
        keeper.close()
    return figures


def judged(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each target with what was measured, and whether it is met."""
    results = []
    for target in TARGETS:
        value = target.of(figures)
        met = value >= target.limit if target.what.startswith("times smaller") else value <= target.limit
        results.append({"what": target.what, "measured": round(value, 2), "limit": round(target.limit, 2), "met": met})
    return results


def table(figures: dict[str, Any]) -> str:
    """Return the figures as lines of text."""
    lines = [f"not installed, and so absent: {name}" for name in figures["absent"]]
    for key, title in (("runs_and_stages", "runs x 8 stages"), ("with_spans", "runs x 8 stages, 100 spans a run")):
        lines += ["", *_part(f"{figures['runs']:,} {title}", figures[key])]
    audit = figures["audit"]
    for key, title, unit in (("written_us", "audit line written", "us"), ("found_ms", "a run's lines found", "ms")):
        lines += ["", f"{title:<44}{unit:>10}{'x':>8}"]
        lines += [f"  {name:<42}{each['median']:>10.2f}{each['times']:>8.1f}" for name, each in audit[key].items()]
    if figures["targets"]:
        lines += ["", f"{'target':<44}{'measured':>10}{'limit':>8}"]
        lines += [
            f"  {each['what']:<42}{each['measured']:>10.2f}{each['limit']:>8.2f}  {'met' if each['met'] else 'NOT MET'}"
            for each in figures["targets"]
        ]
    return "\n".join(lines).lstrip("\n")


def _part(title: str, part: dict[str, Any]) -> list[str]:
    names = list(part["size_mb"])
    ordered = [COMPACTED, WITH_LOOSE, *(name for name in names if name not in (COMPACTED, WITH_LOOSE))]
    lines = [f"{title:<36}" + "".join(f"{name:>18}" for name in ordered)]
    lines.append(f"{'  MB':<36}" + "".join(f"{part['size_mb'][name]:>18.2f}" for name in ordered))
    for label, each in part["keep_ms"].items():
        lines.append(f"{'  one more kept, ' + label + ', ms':<36}" + "".join(_cell(each.get(name)) for name in ordered))
    for question, ways in part["questions"].items():
        for how, each in ways.items():
            cells = "".join(
                f"{each[name]['ms']:>10.2f}{'x' + format(each[name]['times'], '.1f'):>8}" for name in ordered
            )
            lines.append(f"{'  ' + question + ', ' + how + ', ms':<36}{cells}")
    return lines


def _cell(value: float | None) -> str:
    return f"{'-' if value is None else format(value, '.2f'):>18}"


if __name__ == "__main__":
    raise SystemExit(main())
