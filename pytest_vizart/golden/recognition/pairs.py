"""Label files beside inputs: folders whose files have the same names but for the extension."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_vizart.golden.recognition.candidate import common_top, depth, tree_globs
from pytest_vizart.golden.recognition.view import FolderView, joined, stem

_LOOKED_AT = 12


@dataclass(frozen=True, slots=True)
class Pair:
    """A folder of inputs and the folder of their label files; `shared`: names without extension that both have."""

    inputs: str
    labels: str
    shared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairedTree:
    """Pairs whose folders lie alike below `inputs` and `labels`: images/train beside labels/train."""

    inputs: str
    labels: str
    pairs: tuple[Pair, ...]

    def template(self, extension: str) -> str:
        """The manifest's path: labels/{id}.txt."""
        return joined(self.labels, "{id}" + extension)

    def globs(self, view: FolderView, extensions: frozenset[str]) -> tuple[tuple[str, ...], dict[str, list[str]]]:
        return tree_globs(view, self.inputs, [pair.inputs for pair in self.pairs], extensions)

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        return tuple((pair.inputs, pair.labels) for pair in self.pairs)


def find_pairs(
    view: FolderView,
    inputs: frozenset[str],
    extension: str,
    is_label: Callable[[str], bool],
    *,
    may_hold: Callable[[str], bool] = lambda folder: True,
) -> list[PairedTree]:
    """Return the folders whose files of that extension label inputs, as trees.

    Args:
        inputs: extensions of inputs.
        is_label: whether the file at a path is a label file; asked for a few of each folder.
        may_hold: whether a folder of that name may hold label files.
    """
    pairs = []
    for folder in view.folders():
        names = {stem(name): name for name in view.names(folder, extension)} if may_hold(folder) else {}
        best = _best_inputs(view, folder, set(names), inputs, extension) if names else None
        if best and all(is_label(joined(folder, names[name])) for name in best.shared[:_LOOKED_AT]):
            pairs.append(best)
    return _trees(pairs)


def _best_inputs(view: FolderView, labels: str, names: set[str], inputs: frozenset[str], extension: str) -> Pair | None:
    best: Pair | None = None
    for folder in view.folders():
        if folder == labels and extension in inputs:
            continue
        stems = view.stems(folder, inputs)
        shared = names & stems
        if shared and 2 * len(shared) >= min(len(names), len(stems)):
            closer = best is None or (_nearness(folder, labels), len(shared)) > (
                _nearness(best.inputs, labels),
                len(best.shared),
            )
            best = Pair(folder, labels, tuple(sorted(shared))) if closer else best
    return best


def _nearness(one: str, other: str) -> int:
    first, second = one.split("/"), other.split("/")
    same_end = len(first) > 1 and len(second) > 1 and first[-1] == second[-1]
    return (2 if one == other else 0) + (1 if same_end else 0) + depth(common_top([one, other]))


def _trees(pairs: Sequence[Pair]) -> list[PairedTree]:
    by_top: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        inputs, labels = pair.inputs.split("/"), pair.labels.split("/")
        while len(inputs) > 1 and len(labels) > 1 and inputs[-1] == labels[-1] and inputs != labels:
            inputs, labels = inputs[:-1], labels[:-1]
        by_top.setdefault(("/".join(inputs), "/".join(labels)), []).append(pair)
    return [PairedTree(inputs, labels, tuple(found)) for (inputs, labels), found in by_top.items()]


def looked_at(view: FolderView, trees: Sequence[PairedTree], extension: str) -> list[str]:
    """Return the paths of a few label files of each pair."""
    found: list[str] = []
    for tree in trees:
        for pair in tree.pairs:
            names = [name for name in view.names(pair.labels, extension) if stem(name) in pair.shared]
            found += [joined(pair.labels, name) for name in names[:_LOOKED_AT]]
    return found
