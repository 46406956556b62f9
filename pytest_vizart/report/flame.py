"""The function profile as the browser draws it: laid out here, at most a few thousand nodes, as plain columns.

Trees may be as deep as a recursion: nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_vizart.records.profile import FlameNode

MOST_NODES = 3_000
COLOURED_PACKAGES = 5
_LIBRARIES = ("site-packages", "dist-packages")


def flame_columns(root: FlameNode, most: int = MOST_NODES) -> dict[str, Any]:
    """Return the nodes of a tree, parents before their children, as equally long lists.

    Keys:
        name, place: numbers into the lists `names` and `places`.
        parent: number of the node around it, None for the first.
        start, width: left edge and width as shares of the first node's, in its parent's.
        ms, own_ms: time of the node with all that it calls, and of itself.
        package: number into `packages` (its most costly ones, [name, share of the time]), None for all others.
        merged: how many functions a node stands for: 0 for one of its own.

    Args:
        most: the smallest nodes beyond are merged, those of one caller to one node.
    """
    tree = _Tree(root)
    kept = tree.largest(most)
    packages = tree.packages()
    ranks = {name: rank for rank, (name, _) in enumerate(packages)}
    columns = _Columns(packages)
    number_of: dict[int, int | None] = {-1: None}
    for index in sorted(kept):
        node = tree.nodes[index]
        number_of[index] = columns.add(
            node.name, node.place, number_of[tree.parent[index]], tree.start[index], tree.width[index],
            tree.total_ms[index], tree.own_ms[index], ranks.get(tree.package[index]), 0,
        )  # fmt: skip
    for parent, dropped in tree.dropped(kept).items():
        start, width = tree.gap(parent, dropped, kept)
        total_ms = sum(tree.total_ms[index] for index in dropped)
        columns.add(
            f"{len(dropped):,} smaller ones", "", number_of[parent], start, width, total_ms, None, None, len(dropped)
        )
    return columns.data


class _Tree:
    """The tree as lists, parents first; times are put right where they contradict each other."""

    def __init__(self, root: FlameNode) -> None:
        self.nodes: list[FlameNode] = [root]
        self.parent = [-1]
        self.children: list[list[int]] = []
        for index, node in enumerate(self.nodes):  # grows as it is walked
            self.children.append(list(range(len(self.nodes), len(self.nodes) + len(node.children))))
            self.nodes += node.children
            self.parent += [index] * len(node.children)
        self.total_ms = [_finite(node.total_ms) for node in self.nodes]
        self.own_ms = [
            max(total - sum(self.total_ms[child] for child in children), 0.0)
            for total, children in zip(self.total_ms, self.children, strict=True)
        ]
        self.package = [_package(node.place) for node in self.nodes]
        self.start = [0.0] * len(self.nodes)
        self.width = [1.0] * len(self.nodes)
        self._lay_out()

    def _lay_out(self) -> None:
        for index, children in enumerate(self.children):
            # Sampled times are rounded: children that add up to more than their caller share its width.
            total = max(self.total_ms[index], sum(self.total_ms[child] for child in children))
            at, scale = self.start[index], self.width[index] / total if total else 0.0
            for child in self._ordered(children):
                self.start[child] = at
                self.width[child] = min(self.total_ms[child] * scale, self.width[index])
                at += self.width[child]

    def _ordered(self, children: list[int]) -> list[int]:
        """Largest first, so that those which get merged lie side by side; stages stay in their order."""
        stages = any(not self.nodes[child].place for child in children)
        return children if stages else sorted(children, key=lambda child: -self.total_ms[child])

    def largest(self, most: int) -> set[int]:
        """The numbers of the widest nodes, so many that with those that stand for the rest there are at most `most`."""
        # Parents are never narrower than their children and come first: a kept node's callers are kept.
        order = sorted(range(len(self.nodes)), key=lambda index: (-self.width[index], index))
        count = most
        while True:
            kept = set(order[: max(count, 1)])
            excess = len(kept) + len(self.dropped(kept)) - most
            if excess <= 0 or count <= 1:
                return kept
            count -= max(excess, count // 64, 1)

    def dropped(self, kept: set[int]) -> dict[int, list[int]]:
        """Children that are not kept, by their caller."""
        found: dict[int, list[int]] = {}
        for index in range(len(self.nodes)):
            if index not in kept and self.parent[index] in kept:
                found.setdefault(self.parent[index], []).append(index)
        return found

    def gap(self, parent: int, dropped: list[int], kept: set[int]) -> tuple[float, float]:
        """Left edge and width of what stands for the dropped children of a node."""
        start = min(self.start[index] for index in dropped)
        after = (self.start[child] for child in self.children[parent] if child in kept and self.start[child] > start)
        return start, min(sum(self.width[index] for index in dropped), min(after, default=1.0) - start)

    def packages(self) -> list[tuple[str, float]]:
        """The packages in whose functions most of the time is spent, with their shares of it."""
        spent: dict[str, float] = {}
        for package, own_ms in zip(self.package, self.own_ms, strict=True):
            if package and own_ms:
                spent[package] = spent.get(package, 0.0) + own_ms
        whole = sum(self.own_ms)
        largest = sorted(spent.items(), key=lambda item: (-item[1], item[0]))[:COLOURED_PACKAGES]
        return [(name, own_ms / whole) for name, own_ms in largest]


class _Columns:
    """Collects nodes; names and places are kept once each."""

    def __init__(self, packages: Sequence[tuple[str, float]]) -> None:
        self.data: dict[str, Any] = {
            name: [] for name in ("name", "place", "parent", "start", "width", "ms", "own_ms", "package", "merged")
        }
        self.data["packages"] = [[name, round(share, 4)] for name, share in packages]
        self.data["names"], self.data["places"] = [], []
        self._known: dict[tuple[str, str], int] = {}

    def add(
        self, name: str, place: str, parent: int | None, start: float, width: float, ms: float, own_ms: float | None,
        package: int | None, merged: int,
    ) -> int:  # fmt: skip
        row = {
            "name": self._number("names", name), "place": self._number("places", place), "parent": parent,
            "start": round(start, 7), "width": round(width, 7), "ms": round(ms, 4),
            "own_ms": None if own_ms is None else round(own_ms, 4), "package": package, "merged": merged,
        }  # fmt: skip
        for column, value in row.items():
            self.data[column].append(value)
        return len(self.data["name"]) - 1

    def _number(self, texts: str, text: str) -> int:
        known = self._known.setdefault((texts, text), len(self.data[texts]))
        if known == len(self.data[texts]):
            self.data[texts].append(text)
        return known


def _package(place: str) -> str:
    """`numpy` of `/x/site-packages/numpy/core/a.py:12`, `shop` of `shop/boxes.py:3`, `""` of a stage."""
    path = place.rpartition(":")[0] or place
    parts = [part for part in path.replace("\\", "/").split("/") if part and part != "."]
    for folder in _LIBRARIES:
        if folder in parts[:-1]:
            parts = parts[parts.index(folder) + 1 :]
    return parts[0] if parts else ""


def _finite(value: float) -> float:
    return float(value) if value - value == 0 and value > 0 else 0.0
