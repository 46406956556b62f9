"""Artifacts: what a run saves under `runs/{run_id}/stages/{stage_name}/{filename}`, each content once on disk."""

from __future__ import annotations

from pytest_vizart.audit.artifacts.names import safe_name
from pytest_vizart.audit.artifacts.registry import register_artifact_writer
from pytest_vizart.audit.artifacts.store import MAX_RUN_BYTES, MAX_VALUE_BYTES, ArtifactStore

__all__ = ["MAX_RUN_BYTES", "MAX_VALUE_BYTES", "ArtifactStore", "register_artifact_writer", "safe_name"]
