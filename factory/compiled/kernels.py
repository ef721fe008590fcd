"""The walk through trees, compiled to machine code by numba on its first call.

Indices are unsigned: numba would else ask of each whether it counts from the end.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

BLOCK = 64
"""Rows that go down a tree together, so that one waits for memory while another compares."""


def _walk(*, sees_missing: bool) -> Callable[..., None]:  # noqa: C901 - no calls in the kernel
    def add(
        X: Any, nodes: Any, thresholds: Any, leaves: Any, roots: Any, depths: Any, columns: Any,
        out: Any,
    ) -> None:  # fmt: skip
        n, block = np.uint64(X.shape[0]), np.uint64(BLOCK)
        width = np.uint64(leaves.shape[1])
        at = np.empty(BLOCK, nodes.dtype)
        for first in range(np.uint64(0), n, block):
            rows = min(block, n - first)
            for tree in range(roots.shape[0]):
                for i in range(rows):
                    at[i] = roots[tree]
                for _ in range(depths[tree]):
                    moved = nodes.dtype.type(0)
                    for i in range(rows):
                        node = at[i]
                        value = X[first + i, nodes[node, 0]]
                        left = value <= thresholds[node, 1]
                        if sees_missing:
                            left |= (value != value) & (nodes[node, 3] != 0)  # noqa: PLR0124 - NaN
                        to = nodes[node, 2] + nodes.dtype.type(not left)
                        moved |= to ^ node
                        at[i] = to
                    if moved == 0:
                        break
                for i in range(rows):
                    for k in range(width):
                        out[first + i, columns[tree] + k] += leaves[at[i], k]

    compiled: Callable[..., None] = njit(nogil=True)(add)
    return compiled


add_whole = _walk(sees_missing=False)
"""Add what each tree says of each row that has no missing value.

Args:
    X: what the trees read, float32 or float64, shape (n, features).
    nodes: unsigned integers of the width of X, shape (nodes, 4): feature, bits of the threshold,
        left child (the right one follows it), whether missing goes left. A leaf is its own left
        child.
    thresholds: the same memory as floats.
    leaves: what each node says, shape (nodes, width).
    roots: each tree's first node, shape (trees,).
    depths: steps after which every row is in a leaf, shape (trees,).
    columns: where in ``out`` each tree's first value goes, shape (trees,).
    out: is added to, in the trees' order, shape (n, outputs).
"""

add_any = _walk(sees_missing=True)
"""The same for rows that may have missing values; it takes half as long again."""
