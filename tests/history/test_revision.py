from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_vizart.history.revision import describe_code
from pytest_vizart.records.run import Code


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-b", "trunk")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_commit_branch_and_a_clean_tree(repository: Path) -> None:
    code = describe_code(repository, {})
    assert (code.branch, code.dirty) == ("trunk", False)
    assert code.commit is not None
    assert len(code.commit) == 40


def test_changed_tracked_files_count_and_new_files_do_not(repository: Path) -> None:
    (repository / "other").write_text("new")
    assert describe_code(repository, {}).dirty is False
    (repository / "file").write_text("two")
    assert describe_code(repository, {}).dirty is True


def test_a_detached_head_takes_its_branch_from_the_ci_service(repository: Path) -> None:
    git(repository, "checkout", "--detach")
    assert describe_code(repository, {}).branch is None
    assert describe_code(repository, {"GITHUB_REF_NAME": "feature"}).branch == "feature"


def test_outside_of_git_nothing_is_known(tmp_path: Path) -> None:
    assert describe_code(tmp_path, {}) == Code()
