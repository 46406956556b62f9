"""Asking all ways to keep a past the same questions, in turn, and seeing that they answer alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from history_data import MACHINES, TESTS, Past
from history_keeper import Keeper

QUESTIONS = ("stages of a run", "one run", "percentiles", "last accepted", "trend")
CAN_BE_COLD = hasattr(os, "posix_fadvise")


def asked(
    places: dict[str, Path], makers: dict[str, type[Keeper]], past: Past, rounds: int, *, base: str, with_more: str
) -> dict[str, Any]:
    """Ask all in turn, and see that the answers agree.

    base: whose times the others are told as multiples of. with_more: who has more to tell, and so does not agree.
    """
    names = list(makers)
    took: dict[tuple[str, str, str], list[Took]] = {}
    for number in range(rounds + 1):
        hows = ("cold", "new", "same") if CAN_BE_COLD else ("new", "same")
        subjects = {how: Subject.of(past, number + at * rounds) for at, how in enumerate(hows)}
        answers: dict[str, list[Any]] = {}
        for name in _turned(names, number):
            for question in _turned(QUESTIONS, number):  # the first one meets caches full of what others read
                for how, passed, answer in _answered(makers[name], places[name], question, subjects):
                    if number:  # the first round warms up
                        took.setdefault((question, how, name), []).append(passed)
                    answers.setdefault(name, []).append(answer)
        for name in names:
            if name != with_more:
                _agree(name, answers[name], answers[base])
    return {
        question: {
            how: {name: _figure(took[question, how, name], took[question, how, base]) for name in names} for how in hows
        }
        for question in QUESTIONS
    }


def _answered(
    maker: type[Keeper], place: Path, question: str, subjects: dict[str, Subject]
) -> Iterator[tuple[str, Took, Any]]:
    keeper: Keeper | None = None
    for how, subject in subjects.items():
        if how == "cold":
            evict(place)
        clock = Clock()
        if keeper is None:
            keeper = maker(place)
        answer = subject.ask(keeper, question)
        yield how, clock.passed(), answer
        if how == "cold":
            keeper.close()
            keeper = None
            remember(place)
    if keeper is not None:
        keeper.close()


def evict(place: Path) -> None:
    """Ask the system to let go of what it remembers of files; they have to be on the disk."""
    for path in files_in(place):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def remember(place: Path) -> None:
    """Have the system remember all of the files: a question may have brought back a part of them."""
    for path in files_in(place):
        path.read_bytes()


def files_in(place: Path) -> list[Path]:
    """Return all files in a folder, and in those inside of it."""
    return [path for path in place.rglob("*") if path.is_file()]


def _turned(items: Sequence[str], by: int) -> list[str]:
    at = by % len(items)
    return [*items[at:], *items[:at]]


@dataclass(frozen=True)
class Took:
    """Milliseconds."""

    wall: float
    cpu: float


class Clock:
    """Starts when it is made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def passed(self) -> Took:
        return Took(1e3 * (time.perf_counter() - self._wall), 1e3 * (time.process_time() - self._cpu))


@dataclass(frozen=True)
class Subject:
    """Whom a round asks about."""

    run_id: str
    test_id: str

    @classmethod
    def of(cls, past: Past, number: int) -> Subject:
        runs = past.session(number * 61 % past.sessions).tables["runs"]
        return cls(runs["run_id"][number % TESTS].as_py(), runs["test_id"][number % TESTS].as_py())

    def ask(self, keeper: Keeper, question: str) -> Any:
        questions: dict[str, Callable[[], Any]] = {
            "stages of a run": lambda: keeper.stages_of(self.run_id),
            "one run": lambda: keeper.one_run(self.run_id),
            "percentiles": keeper.percentiles,
            "last accepted": lambda: keeper.last_accepted(self.test_id, MACHINES[0][0], "main"),
            "trend": lambda: keeper.trend(self.test_id),
        }
        return questions[question]()


def _agree(name: str, answers: list[Any], expected: list[Any]) -> None:
    for answer, other in zip(answers, expected, strict=True):
        if isinstance(answer, dict) and all(isinstance(each, list) for each in answer.values()):
            close = all(
                abs(a - b) < 1e-6 * b for stage in other for a, b in zip(answer[stage], other[stage], strict=True)
            )
            assert close, (name, answer, other)
        else:
            assert answer == other, (name, answer, other)


def _figure(took: list[Took], ours: list[Took]) -> dict[str, float]:
    return {
        "ms": round(median(each.wall for each in took), 2),
        "min_ms": round(min(each.wall for each in took), 2),
        "cpu_ms": round(median(each.cpu for each in took), 2),
        "times": round(median(own.wall / base.wall for own, base in zip(took, ours, strict=True)), 2),
    }
