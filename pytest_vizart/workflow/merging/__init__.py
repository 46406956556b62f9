"""Merging: the outputs of CI shards or machines become one."""

from __future__ import annotations

from pytest_vizart.workflow.merging.merge import Merged, merge

__all__ = ["Merged", "merge"]
