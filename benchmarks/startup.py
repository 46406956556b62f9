"""CPU that each plugin adds to `pytest --collect-only` of one trivial test when it is not used.

Every variant runs in turn, round after round, so that all of them meet the same noise; the figure of a plugin is the
median over rounds of (its CPU - the CPU of the same round with every plugin blocked by `-p no:NAME`). Entry points are
found by pytest itself, as in every session; a variant blocks all plugins but its own. Compiled modules are cached, as
they are by default. `none again` shows how far the noise reaches.

    python benchmarks/startup.py [--rounds 40] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

VARIANTS: dict[str, tuple[str, ...]] = {
    "none": (),
    "none again": (),
    "vizart": ("vizart",),
    "pytest-benchmark": ("benchmark",),
    "syrupy": ("syrupy",),
    "pytest-html": ("html", "metadata"),
    "pytest-xdist": ("xdist", "xdist.looponfail"),
}
"""Name -> the entry points that stay."""


def cpu_ms(arguments: list[str], folder: Path) -> float:
    """CPU milliseconds, user and system, of one pytest process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--collect-only",
        "-p",
        "no:cacheprovider",
        *arguments,
        "test_trivial.py",
    ]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(rounds: int) -> dict[str, dict[str, float | None]]:
    """Median CPU of each variant and what it adds; None where the plugin is not installed."""
    installed = sorted({point.name for point in metadata.entry_points(group="pytest11")})
    available: dict[str, list[str]] = {}
    for name, kept in VARIANTS.items():
        if set(kept) <= set(installed):
            available[name] = [part for point in installed if point not in kept for part in ("-p", f"no:{point}")]
    times: dict[str, list[float]] = {name: [] for name in available}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "test_trivial.py").write_text("def test_trivial():\n    pass\n")
        for arguments in available.values():
            cpu_ms(arguments, folder)  # compiles what has to be compiled
        names = list(available)
        for number in range(rounds):
            shift = number % len(names)  # no variant always follows the same one
            for variant in names[shift:] + names[:shift]:
                times[variant].append(cpu_ms(available[variant], folder))
    return {variant: _figures(times.get(variant), times["none"]) for variant in VARIANTS}


def _figures(own: list[float] | None, none: list[float]) -> dict[str, float | None]:
    if own is None:
        return {"cpu_ms": None, "added_ms": None, "ratio": None}
    return {
        "cpu_ms": round(statistics.median(own), 2),
        "added_ms": round(statistics.median(mine - bare for mine, bare in zip(own, none, strict=True)), 2),
        "ratio": round(statistics.median(mine / bare for mine, bare in zip(own, none, strict=True)), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.rounds)
    if options.json:
        print(
            json.dumps(
                {"schema_version": 1, "rounds": options.rounds, "python": sys.version.split()[0], "variants": result},
                indent=2,
            )
        )
        return
    print(f"{'plugin':<18}{'CPU ms':>9}{'added ms':>10}{'ratio':>8}")
    for name, figures in result.items():
        values = [("-" if value is None else f"{value:.2f}") for value in figures.values()]
        print(f"{name:<18}{values[0]:>9}{values[1]:>10}{values[2]:>8}")


if __name__ == "__main__":
    main()
