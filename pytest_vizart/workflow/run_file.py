"""`runs/{run_id}/run.json`: what a run was, on which inputs, with which settings, and how to have it again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from pytest_vizart.audit.artifacts.ledger import Saved, read_ledger, remove_ledger
from pytest_vizart.errors import GoldenError, warn
from pytest_vizart.golden.dataset import GoldenSample
from pytest_vizart.records.run import RunResult, Session
from pytest_vizart.records.text import escaped
from pytest_vizart.workflow.hiding import without_secrets
from pytest_vizart.workflow.reproducing import plain
from pytest_vizart.workflow.used_files import Budget, shown_path

SCHEMA_VERSION = 1
RUN_FILE = "run.json"
_INPUTS_S = 1.0
_INPUTS_BYTES = 10**9


def saved_of(output: Path, run_id: str) -> Saved:
    """Return what a run has saved and used so far, whichever of its processes did."""
    return read_ledger(output / "runs" / run_id)


def write_run_file(
    output: Path,
    result: RunResult,
    session: Session,
    *,
    command: str,
    configuration: Mapping[str, Any],
    samples: Iterable[GoldenSample] = (),
    dataset_root: Path | None = None,
    saved: Saved | None = None,
    limits: object = None,
    inputs: Sequence[Mapping[str, Any]] | None = None,
) -> Path | None:
    """Write the file of a finished run, and return its path; a failure is warned of, and None returned.

    Args:
        output: the output folder on this machine.
        command: what runs this run alone again.
        configuration: see `configuration_of`.
        samples: the inputs, by which the run can be traced to its files.
        dataset_root: paths of inputs that lie in it are relative to it.
        saved: what the run has saved; read from its ledger if absent, which this file then takes the place of.
        limits: what the markers demand, a dataclass.
        inputs: instead of `samples`, as they are to be told.
    """
    folder = output / "runs" / result.info.run_id
    libraries = session.machine.libraries or {}  # unknown of a session whose own file is damaged
    saved = saved or read_ledger(folder)
    content = {
        "schema_version": SCHEMA_VERSION,
        **_about(result, session, dataset_root),
        "command": command,
        "session_command": without_secrets(session.command),
        "configuration": dict(configuration),
        "limits": None if limits is None else plain(limits),
        "machine": plain(session.machine),
        "code": plain(session.code),
        "versions": {"pytest_vizart": session.version, "python": session.machine.python, **libraries},
        "inputs": _inputs(samples, result, dataset_root) if inputs is None else [dict(each) for each in inputs],
        "models": [plain(file) for file in saved.models],
        "artifacts": [plain(artifact) for artifact in saved.artifacts],
    }
    try:
        _write_whole(folder / RUN_FILE, _json(content))
    except Exception as error:  # noqa: BLE001 - what became of the run is in the history too; the test goes on
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        warn(f"{folder / RUN_FILE}: the file of this run cannot be written ({reason})")
        return None
    remove_ledger(folder)
    return folder / RUN_FILE


def _about(result: RunResult, session: Session, dataset_root: Path | None) -> dict[str, Any]:
    info = result.info
    return {
        "run_id": info.run_id,
        "session_id": session.session_id,
        "test_id": info.test_id,
        "status": info.status,
        "error": info.error,
        "started": _time(info.started_us),
        "finished": _time(info.finished_us),
        "dataset": None
        if info.dataset is None
        else {"name": info.dataset, "digest": info.dataset_digest, "folder": dataset_root and str(dataset_root)},
        "samples": info.samples,
        "passes": info.passes,
        "warmup": info.warmup,
        "profile": info.profile,
        "notes": list(info.notes),
    }


def _inputs(samples: Iterable[GoldenSample], result: RunResult, root: Path | None) -> list[dict[str, Any]]:
    """Digests are the outcomes' where those have them: `GoldenSample.input_digest`."""
    known = {each.sample_id: each.input_digest for each in result.outcomes if each.input_digest is not None}
    budget = Budget(_INPUTS_S, _INPUTS_BYTES)
    return [_input(sample, known.get(sample.id), root, budget) for sample in samples]


def _input(sample: GoldenSample, digest: str | None, root: Path | None, budget: Budget) -> dict[str, Any]:
    path = Path(sample.path)
    told: dict[str, Any] = {
        "sample": sample.id,
        "path": shown_path(path, root) if root is not None else path.as_posix(),
        "size_bytes": None,
        "digest": digest,
    }
    try:
        told["size_bytes"] = path.stat().st_size
        if digest is None:
            problem = budget.refusal(told["size_bytes"])
            told["digest"] = sample.input_digest() if problem is None else None
            if problem is not None:
                told["problem"] = problem
    except (OSError, GoldenError) as error:
        told["problem"] = f"not read: {error}"
    return told


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat()


def _json(content: Mapping[str, Any]) -> bytes:
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    try:
        return orjson.dumps(content, default=str, option=options)
    except TypeError:  # half a surrogate pair in a name, or a number of more than 64 bits
        return orjson.dumps(_escaped_throughout(content), default=str, option=options)


def _escaped_throughout(value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Mapping):
        return {escaped(str(name)): _escaped_throughout(each) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [_escaped_throughout(each) for each in value]
    return value if value is None or isinstance(value, bool | float) else escaped(str(value))


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)
        raise
