"""The revision under test, as git knows it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pytest_vizart.records.run import Code

# On a detached head, as CI services check out, the branch is known by one of these only.
_BRANCH_VARIABLES = (
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "CI_COMMIT_REF_NAME",
    "BUILDKITE_BRANCH",
    "CIRCLE_BRANCH",
    "BRANCH_NAME",
)
_TIMEOUT_S = 5.0


def describe_code(folder: Path, environ: Mapping[str, str] | None = None) -> Code:
    """Return commit, branch and whether tracked files are changed; all None outside of git or without git."""
    env = os.environ if environ is None else environ
    lines = _git_status(folder)
    if lines is None:
        return Code()
    header = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch.") and " " in line[2:])
    commit, branch = header.get("branch.oid"), header.get("branch.head")
    if branch == "(detached)":
        branch = next((env[name] for name in _BRANCH_VARIABLES if env.get(name)), None)
    return Code(
        commit=None if commit in (None, "(initial)") else commit,
        branch=branch,
        dirty=any(not line.startswith("#") for line in lines),
    )


def _git_status(folder: Path) -> list[str] | None:
    command = ["git", "--no-optional-locks", "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        result = subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.decode("utf-8", "replace").splitlines() if result.returncode == 0 else None
