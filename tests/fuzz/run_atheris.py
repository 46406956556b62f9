"""The long run: coverage-guided fuzzing of every reader, which keeps what it found under `corpus/`.

    pip install atheris     # no dependency of the project; it has wheels for Linux and CPython 3.11 to 3.13
    python -m tests.fuzz.run_atheris --seconds 120                 # all targets, one after the other
    python -m tests.fuzz.run_atheris --seconds 600 coco ply        # these

Each target runs in a process of its own, within 1 GB of resident memory and 10 s a case; libFuzzer ends it beyond
either, which is a finding like any other exception. Findings lie in the working folder's `crashes/`; put them into
`corpus/TARGET` when they are mended, and `test_corpus.py` replays them from then on. Afterwards the corpus is made
smaller: of all cases that reach something of their own the smallest are kept.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from random import Random

_CORPUS = Path(__file__).parent / "corpus"
_MAX_FILES, _MAX_BYTES = 40, 9_000
_LARGEST_FILE_BYTES = 4_096
_MAX_LENGTH = 16_384
_RSS_LIMIT_MB, _TIMEOUT_S = 1024, 10
_OURS = "pytest_vizart"


def main() -> int:
    """Fuzz the targets in turn; 1 if there are findings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", help="names of targets; all if none is given")
    parser.add_argument("--seconds", type=int, default=120, help="for each target")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "vizart-fuzz", help="working folder")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.one:
        return _fuzz(options.targets[0], options.work, rest)
    from tests.fuzz.targets import TARGETS

    found = [_run(name, options.seconds, options.work) for name in options.targets or TARGETS]
    return int(any(found))


def _run(name: str, seconds: int, work: Path) -> bool:
    """Fuzz one target in a child process, print a line about it, and keep its corpus; true if it found something."""
    from tests.fuzz.targets import TARGETS

    target, folder = TARGETS[name], work / name
    for part in ("new", "crashes", "merged"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for content in target.seeds():
        (folder / "new" / hashlib.sha1(content).hexdigest()).write_bytes(content)
    words = "\n".join(f'"{_escaped(word)}"' for word in target.words if word)
    (folder / "words.dict").write_text(words + "\n")
    # The kept cases are read too, but written into the working folder only.
    sources = [folder / "new", *([_CORPUS / name] if (_CORPUS / name).is_dir() else [])]
    output = _child(name, work, f"-max_total_time={seconds}", "-print_final_stats=1", *map(str, sources))
    executed = re.search(r"number_of_executed_units: (\d+)", output)
    crashes = sorted(path.name for path in (folder / "crashes").iterdir())
    _child(name, work, "-merge=1", *map(str, [folder / "merged", *sources]))
    kept = _keep(name, folder / "merged")
    told = f"{int(executed[1]):>10,} executions" if executed else f"{'ended':>10}: {output.strip()[-200:]!r}"
    print(f"{name:22} {told}, {kept} kept, {', '.join(crashes) or 'nothing found'}", flush=True)
    return bool(crashes)


def _child(name: str, work: Path, *options: str) -> str:
    folder = work / name
    command = [
        str(_command(name, work)),
        *(f"-rss_limit_mb={_RSS_LIMIT_MB}", f"-timeout={_TIMEOUT_S}", f"-max_len={_MAX_LENGTH}", "-verbosity=0"),
        *(f"-dict={folder / 'words.dict'}", f"-artifact_prefix={folder / 'crashes'}/", "-close_fd_mask=1", *options),
    ]
    ended = subprocess.run(command, capture_output=True, check=False)
    return ended.stderr.decode("utf-8", "replace")


def _command(name: str, work: Path) -> Path:
    """Write the command that fuzzes one target: libFuzzer's merge starts it anew by its path alone."""
    path = work / name / "fuzz.sh"
    words = (sys.executable, "-W", "ignore", "-m", "tests.fuzz.run_atheris", "--one", "--work", str(work), name)
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o755)
    return path


def _fuzz(name: str, work: Path, options: list[str]) -> int:
    """Hand one target to libFuzzer, which ends the process."""
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=[_OURS, "yaml", "zipfile"]):
        from tests.fuzz.bench import Bench
        from tests.fuzz.targets import TARGETS

        for package in ("golden", "accuracy.forms", "accuracy.geometry"):  # what is imported later, is not counted
            place = import_module(f"{_OURS}.{package}")
            for module in walk_packages(place.__path__, f"{place.__name__}."):
                import_module(module.name)
    from tests.fuzz.mutating import mutated

    target = TARGETS[name]
    bench = Bench(target, Path(tempfile.mkdtemp(prefix="vizart-fuzz-")))
    crashes = work / name / "crashes"

    def one(content: bytes) -> None:
        try:
            bench.run(content)
        except Exception as error:  # noqa: BLE001 - whatever comes out is what is looked for
            # Kept, and passed by: behind one finding there may be others.
            (crashes / _place_of(error)).write_bytes(content)

    def mutate(content: bytes, largest: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.4:
            changed: bytes = atheris.Mutate(content, largest)
            return changed
        return mutated(random, content, target.kind, target.words)[:largest]

    atheris.Setup([str(_command(name, work)), *options], one, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


def _place_of(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    last = next((frame for frame in reversed(frames) if _OURS in frame.filename), frames[-1])
    return f"{type(error).__name__}-{Path(last.filename).name}-{last.lineno}"


def _keep(name: str, merged: Path) -> int:
    """Put cases of all sizes into the corpus; what lies there under a name of ours, a finding, stays."""
    folder = _CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if re.fullmatch(r"[0-9a-f]{40}", path.name):
            path.unlink()
    found = sorted((path.stat().st_size, path) for path in merged.iterdir())
    found = [(size, path) for size, path in found if size <= _LARGEST_FILE_BYTES]
    room = _MAX_FILES - len(list(folder.iterdir()))
    chosen = found[:: max(1, -(-len(found) // max(1, room)))]  # evenly spread: the smallest alone break off early
    while sum(size for size, _ in chosen) > _MAX_BYTES:
        chosen.pop()
    for _, path in chosen:
        (folder / path.name).write_bytes(path.read_bytes())
    return len(list(folder.iterdir()))


def _escaped(word: bytes) -> str:
    return "".join(chr(byte) if chr(byte).isalnum() else f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
