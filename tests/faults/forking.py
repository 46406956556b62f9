"""A process that has imported everything, and forks a child for each job: a session costs its own time only.

As a script it reads jobs from its standard input, one JSON object a line, and answers each with how the child ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
_PRELOADED = (
    "pytest",
    "sklearn.metrics",
    "pytest_vizart.accuracy.metrics.classes",
    "pytest_vizart.golden.formats.class_csv",
    "pytest_vizart.plugin.closing",
    "pytest_vizart.plugin.fixtures",
    "pytest_vizart.plugin.items",
    "pytest_vizart.plugin.summary",
    "pytest_vizart.workflow.tracker",
    "tests.faults.damage",
    "tests.faults.jobs",
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: its exit status, or the negative number of the signal that killed it."""

    status: int
    took_s: float
    output: str
    steps: list[str]  # writes, renames and deletions that it did; none if it was killed
    answer: Any  # what the job returned

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL


class Forking:
    """Runs jobs in children: functions of `tests.faults.jobs`, or of `tests.faults.damage` as "damage:name"."""

    def __init__(self, scratch: Path, *, under: Sequence[str] = ()) -> None:
        """`under` is a command that runs the process, such as `unshare`."""
        self._scratch = scratch
        self._count = 0
        self._process = subprocess.Popen(
            [*under, sys.executable, "-m", "tests.faults.forking"],
            cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )  # fmt: skip

    def run(
        self, job: str, folder: Path, *, kill_at: int | None = None, kill_after_s: float | None = None, **options: Any
    ) -> Ended:
        """Run a job on a folder, and kill it before its n-th write or after a time, if it gets that far."""
        self._count += 1
        told = self._scratch / f"job{self._count}"
        order = {"job": job, "folder": str(folder), "kill_at": kill_at, "told": str(told), "options": options}
        self._send({"jobs": [order], "kill_after_s": kill_after_s})
        return self._ended(self._receive()[0], told)

    def at_once(
        self, jobs: list[tuple[str, Path, dict[str, Any]]], *, first: int | None = None, then: Path | None = None
    ) -> list[Ended]:
        """Run several jobs at the same time. When the `first` of them have ended, the file `then` is made."""
        places = [self._scratch / f"job{self._count}-{number}" for number in range(len(jobs))]
        self._count += 1
        order = [
            {"job": job, "folder": str(folder), "kill_at": None, "told": str(told), "options": options}
            for told, (job, folder, options) in zip(places, jobs, strict=True)
        ]
        self._send({"jobs": order, "kill_after_s": None, "first": first, "then": str(then)})
        return [self._ended(answer, told) for answer, told in zip(self._receive(), places, strict=True)]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _send(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _receive(self) -> list[dict[str, Any]]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the forking process died"
        return json.loads(line)

    @staticmethod
    def _ended(answer: dict[str, Any], told: Path) -> Ended:
        out = told.with_suffix(".out")
        output = out.read_text(errors="replace") if out.exists() else ""  # killed before it could write
        done = json.loads(told.read_text()) if told.exists() else {}
        return Ended(answer["status"], answer["took_s"], output, done.get("steps", []), done.get("answer"))


def _child(order: dict[str, Any]) -> None:
    from tests.faults.killing import count_steps

    told = Path(order["told"])
    out = os.open(told.with_suffix(".out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdin.close()
    module, _, name = order["job"].rpartition(":")
    job = getattr(importlib.import_module(f"tests.faults.{module or 'jobs'}"), name)
    folder = Path(order["folder"])
    steps = count_steps(folder, order["kill_at"])
    answer = job(folder, **order["options"])
    done = steps()
    sys.stdout.flush()
    whole = told.with_suffix(".json")
    whole.write_text(json.dumps({"steps": done, "answer": answer}))
    whole.rename(told)  # it may be killed in here too


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _child(order)
        status = 0
    except BaseException:  # noqa: BLE001 - told, and never back into the loop
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _main() -> None:
    for name in _PRELOADED:
        importlib.import_module(name)
    # What is there already is garbage of no child: none of them looks through it.
    gc.collect()
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        order = json.loads(line)
        begun = time.monotonic()
        pids = [_fork(job) for job in order["jobs"]]
        if order["kill_after_s"] is not None:
            timer = threading.Timer(order["kill_after_s"], lambda pid=pids[0]: os.kill(pid, signal.SIGKILL))
            timer.start()
        ended = []
        for number, pid in enumerate(pids):
            if number == order.get("first"):
                Path(order["then"]).touch()
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            ended.append({"status": status, "took_s": time.monotonic() - begun})
        if order["kill_after_s"] is not None:
            timer.cancel()
            timer.join()
        answers.write(json.dumps(ended) + "\n")
        answers.flush()


if __name__ == "__main__":
    _main()
