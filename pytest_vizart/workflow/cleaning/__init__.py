"""Cleaning: what retention takes from history, logs and artifacts, and what others left behind."""

from __future__ import annotations

from pytest_vizart.workflow.cleaning.carrying_out import carry_out
from pytest_vizart.workflow.cleaning.planning import plan
from pytest_vizart.workflow.cleaning.session_end import clean_up

__all__ = ["carry_out", "clean_up", "plan"]
