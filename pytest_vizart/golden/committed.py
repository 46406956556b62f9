"""The committed baseline of a dataset, `baseline.json` in its folder: metrics and outcomes by test.

It needs no history, no machine fingerprint and no learning, so that a CI without memory is gated too. It is written to
be read in a diff: sorted, one line for each metric and each sample.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import is_file, read_bytes
from pytest_vizart.records.baseline import AccuracyBaseline

BASELINE_NAME = "baseline.json"
SCHEMA_VERSION = 1
_LARGEST_BYTES = 200_000_000


class _Sample(BaseModel):
    model_config = ConfigDict(extra="ignore")

    status: str
    label: str | None = None
    missed: list[str] | None = Field(default_factory=list)  # null: the run was of a version that did not tell
    false_positives: list[str] | None = Field(default_factory=list)


class _Stage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    metrics: dict[str, float | None]
    samples: dict[str, _Sample]


class _Test(BaseModel):
    model_config = ConfigDict(extra="ignore")

    run_id: str
    branch: str | None = None
    commit: str | None = None
    stages: dict[str, _Stage]


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    schema_version: int = Field(ge=1, le=SCHEMA_VERSION)
    tests: dict[str, _Test]


def read_committed(path: Path, test_id: str) -> AccuracyBaseline | None:
    """Return the committed baseline of a test; None where there is no such file, or nothing of the test in it.

    Raises:
        GoldenFormatError: the file is no baseline, or one of a newer version.
    """
    if not is_file(path):
        return None
    test = _parsed(path).tests.get(test_id)
    if test is None:
        return None
    stages = test.stages
    return AccuracyBaseline(
        run_id=test.run_id,
        branch=test.branch,
        commit=test.commit,
        metrics={name: stage.metrics for name, stage in stages.items()},
        outcomes={name: {key: one.status for key, one in stage.samples.items()} for name, stage in stages.items()},
        label_digests={name: {key: one.label for key, one in stage.samples.items()} for name, stage in stages.items()},
        missed={name: {key: one.missed for key, one in stage.samples.items()} for name, stage in stages.items()},
        false_positives={
            name: {key: one.false_positives for key, one in stage.samples.items()} for name, stage in stages.items()
        },
        source=f"{path.parent.name}/{path.name}",
    )


def write_committed(path: Path, baselines: Mapping[str, AccuracyBaseline]) -> None:
    """Put the baselines of tests into the file; what it has of other tests stays. Written aside and renamed.

    Raises:
        GoldenFormatError: the file that is there is no baseline.
        OSError: it cannot be written.
    """
    tests = (
        {name: test.model_dump(exclude_defaults=True) for name, test in _parsed(path).tests.items()}
        if is_file(path)
        else {}
    )
    tests |= {test_id: _plain(baseline) for test_id, baseline in baselines.items()}
    text = _text({"schema_version": SCHEMA_VERSION, "tests": dict(sorted(tests.items()))})
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _parsed(path: Path) -> _File:
    try:
        return _File.model_validate_json(read_bytes(path, limit=_LARGEST_BYTES))
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise GoldenFormatError(
            "not a committed baseline",
            file=path,
            place=".".join(map(str, detail["loc"])) or None,
            expected=f"what `vizart baseline write` writes, schema_version up to {SCHEMA_VERSION}",
            found=f"{detail['msg']}: {str(detail['input'])[:80]}",
            hint="resolve the merge conflict, or remove the file and write it again with `vizart baseline write`",
        ) from None


def _plain(baseline: AccuracyBaseline) -> dict[str, Any]:
    stages = {
        stage: {
            "metrics": dict(sorted(baseline.metrics.get(stage, {}).items())),
            "samples": {sample: _sample(baseline, stage, sample, status) for sample, status in samples.items()},
        }
        for stage, samples in baseline.outcomes.items()
    }
    about = {"run_id": baseline.run_id, "branch": baseline.branch, "commit": baseline.commit}
    return {name: value for name, value in about.items() if value is not None} | {"stages": stages}


def _sample(baseline: AccuracyBaseline, stage: str, sample: str, status: str) -> dict[str, Any]:
    row: dict[str, Any] = {"status": status}
    digest = baseline.label_digests.get(stage, {}).get(sample)
    if digest is not None:
        row["label"] = digest
    for name, objects in (("missed", baseline.missed), ("false_positives", baseline.false_positives)):
        found = objects.get(stage, {}).get(sample, ())
        if found is None or found:
            row[name] = None if found is None else list(found)
    return row


def _text(data: Mapping[str, Any]) -> str:
    """JSON with one line for each sample and each metric, so that a diff shows what changed."""
    tests = [f"    {_json(test_id)}: {{\n{_test_text(test)}\n    }}" for test_id, test in data["tests"].items()]
    return f'{{\n  "schema_version": {data["schema_version"]},\n  "tests": {{\n' + ",\n".join(tests) + "\n  }\n}\n"


def _test_text(test: Mapping[str, Any]) -> str:
    lines = [f"      {_json(name)}: {_json(value)}" for name, value in test.items() if name != "stages"]
    stages = []
    for name, stage in test["stages"].items():
        parts = [
            f"          {_json(part)}: {{\n"
            + ",\n".join(f"            {_json(key)}: {_json(value)}" for key, value in stage.get(part, {}).items())
            + "\n          }"
            for part in ("metrics", "samples")
        ]
        stages.append(f"        {_json(name)}: {{\n" + ",\n".join(parts) + "\n        }")
    lines.append('      "stages": {\n' + ",\n".join(stages) + "\n      }")
    return ",\n".join(lines)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
