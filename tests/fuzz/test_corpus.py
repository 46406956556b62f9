"""Every reader on the kept corpus, on damaged files, and on objects that no model should hand over.

The corpus comes from `run_atheris.py`, the damage from a seeded generator: a case that fails, fails again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from pytest_vizart.golden.formats import _formats
from pytest_vizart.golden.las_file import is_installed
from tests.fuzz.bench import Bench, Target
from tests.fuzz.limits import growth, seconds
from tests.fuzz.mutating import mutated
from tests.fuzz.predictions import HOSTILE, read_all_tasks
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
_CASES = 40
_LIMIT_S = 20.0
_LIMIT_MB = 500.0
_LARGEST_KB = 500


def _kept(target: Target) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted((CORPUS / target.name).glob("*"))]


def _damaged(target: Target) -> Iterator[tuple[str, bytes]]:
    seeds = target.seeds()
    random = Random(zlib.crc32(target.name.encode()))
    for number, seed in enumerate(seeds):
        yield f"seed {number}", seed
    for number in range(_CASES):
        yield f"mutation {number}", mutated(random, random.choice(seeds), target.kind, target.words)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_comes_out_but_the_errors_that_are_meant(tmp_path: Path, name: str) -> None:
    if name == "las" and not is_installed():
        pytest.skip("laspy is not installed")
    target = TARGETS[name]
    bench = Bench(target, tmp_path)
    with growth(_LIMIT_MB):
        for case, content in [*_kept(target), *_damaged(target)]:
            try:
                with seconds(_LIMIT_S):
                    bench.run(content)
            except BaseException as error:
                error.add_note(f"{name}, {case}: {len(content):,} bytes, {content[:300]!r}")
                raise


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_objects_are_no_predictions(number: int) -> None:
    with growth(_LIMIT_MB), seconds(_LIMIT_S):
        read_all_tasks(HOSTILE[number])


def test_every_format_is_fuzzed() -> None:
    covered = {name.partition("-")[0] for name in TARGETS}
    assert set(_formats) <= covered


def test_the_corpus_is_of_these_targets_and_small() -> None:
    assert {path.name for path in CORPUS.iterdir()} <= set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.glob("*/*")) < _LARGEST_KB * 1000
