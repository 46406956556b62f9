"""Distributed sessions (pytest-xdist): the controller tells its workers which session they belong to."""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

from pytest_vizart.plugin.keys import WORKERS


def introduce(node: Any) -> None:
    """Give a worker the session's identity, as plain data."""
    config = node.config
    if WORKERS not in config.stash:
        config.stash[WORKERS] = {
            "session_id": str(uuid.uuid4()),
            "started_us": time.time_ns() // 1_000,
            "pid": os.getpid(),
        }
    node.workerinput["vizart"] = config.stash[WORKERS]


def take_leave(node: Any) -> None:
    """Take what a worker could not write, and sends instead."""
    sent = getattr(node, "workeroutput", {}).get("vizart")
    if sent is not None:
        told = node.config.stash[WORKERS]
        for kind in ("runs", "pieces"):
            told.setdefault(kind, []).extend(sent[kind])
