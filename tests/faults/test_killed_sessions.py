"""`kill -9` at any moment of a session loses no finished span, doubles none, and names the unfinished one."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.checks import check_kept, open_span
from tests.faults.forking import Ended, Forking


@pytest.fixture(scope="session")
def undisturbed(forking: Forking, blueprint: Path, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A session that nobody kills."""
    project = copied(blueprint, tmp_path_factory.mktemp("undisturbed"))
    ended = forking.run("session", project)
    assert ended.status == ended.answer == 0, ended.output
    check_kept(project, killed_in=None)
    return ended


def copied(blueprint: Path, place: Path) -> Path:
    return shutil.copytree(blueprint, place / "project")


def kill_and_check(forking: Forking, project: Path, **moment: float) -> bool:
    """Kill a session and have the next one; returns whether it lived long enough to be killed."""
    killed = forking.run("session", project, **moment)
    assert killed.killed or killed.answer == 0, killed.output
    where = open_span(project) if killed.killed else None
    following = forking.run("session", project)
    assert following.answer == 0, following.output
    if where is not None:
        assert f"stage {where[0]} on sample {where[1]}" in " ".join(following.output.split())
    check_kept(project, killed_in=where)
    return killed.killed


def delicate(steps: list[str]) -> Iterator[int]:
    """Before the items of a shared run are one, before each end of the keeping, and before the journal goes."""
    for what in (
        r"open .*/\.run-",
        r"open .*/\.keeping",
        r"open .*metrics/runs/",
        r"rename .*metrics/runs/",
        r"rename .vizart/journal/[^/]*$",
    ):
        yield max(number for number, step in enumerate(steps, 1) if re.search(what, step))
    yield min(number for number, step in enumerate(steps, 1) if re.search(r"remove .*/piece-", step))


def test_at_every_step(forking: Forking, blueprint: Path, tmp_path: Path, undisturbed: Ended, long_form: bool) -> None:
    steps = range(1, len(undisturbed.steps) + 1)
    for step in steps if long_form else {*steps[4::60], *delicate(undisturbed.steps)}:
        assert kill_and_check(forking, copied(blueprint, tmp_path / str(step)), kill_at=step), step


def test_at_random_moments(
    forking: Forking, blueprint: Path, tmp_path: Path, undisturbed: Ended, long_form: bool
) -> None:
    chance = random.Random(20)
    for number in range(200 if long_form else 4):
        moment = chance.uniform(0.1, 1.1) * undisturbed.took_s
        kill_and_check(forking, copied(blueprint, tmp_path / str(number)), kill_after_s=moment)


def test_a_takeover_that_is_killed_is_taken_over(
    forking: Forking, blueprint: Path, tmp_path: Path, undisturbed: Ended, long_form: bool
) -> None:
    dead = copied(blueprint, tmp_path / "dead")
    # With a finished run, and items of a shared run of which the third is under way.
    dying = forking.run("session", dead, die_at="begin classify c", after="test_one")
    assert dying.killed, dying.output
    where = open_span(dead)
    assert where == ("classify", "c")

    def take_over(name: str, *moments: int | None) -> Ended:
        shutil.copytree(dead.parent, tmp_path / name)
        project = tmp_path / name / "project"
        for moment in moments:
            ended = forking.run("take_over", project / ".vizart", kill_at=moment)
        assert forking.run("take_over", project / ".vizart").status == 0
        check_kept(project, killed_in=where)
        return ended

    steps = len(take_over("whole", None).steps)
    for step in range(1, steps + 1) if long_form else range(1, steps + 1, 6):
        assert take_over(str(step), step).killed
    chance = random.Random(5)
    for number in range(100 if long_form else 5):
        take_over(f"twice {number}", *(chance.randint(1, steps) for _ in range(2)))


def test_several_take_over_at_once(
    forking: Forking, blueprint: Path, tmp_path: Path, undisturbed: Ended, long_form: bool
) -> None:
    for number in range(20 if long_form else 2):
        project = copied(blueprint, tmp_path / str(number))
        assert forking.run("session", project, die_at="begin classify c", after="test_one").killed
        ended = forking.at_once([("take_over", project / ".vizart", {})] * 4)
        assert [each.status for each in ended] == [0] * 4, [each.output for each in ended]
        assert sum(len(each.answer) for each in ended) == 1  # one has told of the crash
        check_kept(project, killed_in=("classify", "c"))
