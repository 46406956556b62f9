"""CPU that each plugin adds to `pytest --collect-only` of one trivial test when it is not used.

Every variant runs in turn, round after round, so that all of them meet the same noise; the figure of a plugin is the
median over rounds of (its CPU - the CPU of the same round with `-p no:vizart`). Entry points are not loaded by themselves
here, so that a variant loads one plugin, by the name of its entry point; `none` shows how far the noise reaches.

    python benchmarks/startup.py [--rounds 40] [--json]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

VARIANTS: dict[str, tuple[str | None, list[str]]] = {
    "none": (None, []),
    "no:vizart": (None, ["-p", "no:vizart"]),
    "vizart": ("pytest_vizart", ["-p", "vizart"]),
    "pytest-benchmark": ("pytest_benchmark", ["-p", "benchmark"]),
    "syrupy": ("syrupy", ["-p", "syrupy"]),
    "pytest-html": ("pytest_html", ["-p", "metadata", "-p", "html"]),
    "pytest-xdist": ("xdist", ["-p", "xdist", "-p", "xdist.looponfail"]),
}


def cpu_ms(arguments: list[str], folder: Path) -> float:
    """CPU milliseconds, user and system, of one pytest process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", *arguments, "test_trivial.py"],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(rounds: int) -> dict[str, dict[str, float | None]]:
    """Median CPU of each variant and what it adds; None where the plugin is not installed."""
    available = {name: arguments for name, (module, arguments) in VARIANTS.items() if module is None or importlib.util.find_spec(module)}
    times: dict[str, list[float]] = {name: [] for name in available}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_trivial.py").write_text("def test_trivial():\n    pass\n")
        for arguments in available.values():
            cpu_ms(arguments, folder)  # compiles what has to be compiled
        names = list(available)
        for number in range(rounds):
            shift = number % len(names)  # no variant always follows the same one
            for variant in names[shift:] + names[:shift]:
                times[variant].append(cpu_ms(available[variant], folder))
    result: dict[str, dict[str, float | None]] = {}
    for variant in VARIANTS:
        if variant not in times:
            result[variant] = {"cpu_ms": None, "added_ms": None, "ratio": None}
            continue
        added = [own - without for own, without in zip(times[variant], times["no:vizart"], strict=True)]
        ratio = [own / without for own, without in zip(times[variant], times["no:vizart"], strict=True)]
        result[variant] = {
            "cpu_ms": round(statistics.median(times[variant]), 2),
            "added_ms": round(statistics.median(added), 2),
            "ratio": round(statistics.median(ratio), 4),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.rounds)
    if options.json:
        print(json.dumps({"schema_version": 1, "rounds": options.rounds, "python": sys.version.split()[0], "variants": result}, indent=2))
        return
    print(f"{'plugin':<18}{'CPU ms':>9}{'added ms':>10}{'ratio':>8}")
    for name, figures in result.items():
        values = [("-" if value is None else f"{value:.2f}") for value in figures.values()]
        print(f"{name:<18}{values[0]:>9}{values[1]:>10}{values[2]:>8}")


if __name__ == "__main__":
    main()
