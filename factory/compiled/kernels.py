"""The walk through trees, compiled to machine code by numba on its first call."""

from typing import Any

import numpy as np
from numba import njit

BLOCK = 64
"""Rows that go down a tree together, so that one waits for memory while another compares."""


def _add_trees(
    X: Any, nodes: Any, thresholds: Any, leaves: Any, roots: Any, depths: Any, columns: Any,
    out: Any,
) -> None:  # fmt: skip
    n, width = X.shape[0], leaves.shape[1]
    at = np.empty(BLOCK, np.int64)
    for first in range(0, n, BLOCK):
        rows = min(BLOCK, n - first)
        for tree in range(roots.shape[0]):
            for i in range(rows):
                at[i] = roots[tree]
            for _ in range(depths[tree]):
                moved = False
                for i in range(rows):
                    node = at[i]
                    value = X[first + i, nodes[node, 0]]
                    missing = (value != value) & (nodes[node, 3] != 0)  # noqa: PLR0124 - NaN
                    left = (value <= thresholds[node, 1]) | missing
                    to = nodes[node, 2] + (1 - left)
                    moved |= to != node
                    at[i] = to
                if not moved:
                    break
            for i in range(rows):
                for k in range(width):
                    out[first + i, columns[tree] + k] += leaves[at[i], k]


add_trees: Any = njit(nogil=True)(_add_trees)
"""Add what each tree says of each row.

Args:
    X: what the trees read, float32 or float64, shape (n, features).
    nodes: integers of the width of X, shape (nodes, 4): feature, bits of the threshold, left child
        (the right one follows it), whether missing goes left. A leaf is its own left child.
    thresholds: the same memory as floats.
    leaves: what each node says, shape (nodes, width).
    roots: each tree's first node, shape (trees,).
    depths: steps after which every row is in a leaf, shape (trees,).
    columns: where in ``out`` each tree's first value goes, shape (trees,).
    out: is added to, in the trees' order, shape (n, outputs).
"""
