"""Trees as arrays: those of scikit-learn, node by node, without a change of any comparison."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from factory.errors import Unavailable
from factory.nouns import Floats

KERNELS = "factory.compiled.kernels"
FEATURE, THRESHOLD, LEFT, MISSING_LEFT = range(4)
Ints = NDArray[np.integer[Any]]
Walk = Callable[..., None]


@dataclass(frozen=True)
class _Tree:
    """One tree: feature, threshold, children and flags per node, and what a node says."""

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: NDArray[np.bool_]
    says: Floats
    depth: int

    @property
    def leaf(self) -> NDArray[np.bool_]:
        return self.left < 0

    def order(self) -> Ints:
        """Return the nodes level by level, so that two children stand beside each other."""
        order = [0]
        for node in order:
            if self.left[node] >= 0:
                order += [int(self.left[node]), int(self.right[node])]
        return np.array(order)


@dataclass(frozen=True)
class Forest:
    """Trees whose values are added up.

    Attributes:
        nodes: see ``factory.compiled.kernels``; so with the others.
        leaves: shape (nodes, width).
        roots: shape (trees,).
        depths: shape (trees,).
        columns: shape (trees,).
        outputs: values a row.
        whole: the compiled walk of rows without missing values.
        any: that of others.
    """

    nodes: Ints
    leaves: Floats
    roots: Ints
    depths: Ints
    columns: Ints
    outputs: int
    whole: Walk
    any: Walk

    @classmethod
    def of_trees(cls, trees: Sequence[Any]) -> Self:
        """Take in fitted trees of scikit-learn, whose values add up output by output.

        They compare 32-bit features with 64-bit thresholds. A threshold rounded down to 32 bits
        parts the same features.

        Raises:
            Unavailable: numba is not installed.

        >>> from sklearn.tree import DecisionTreeRegressor
        >>> fitted = DecisionTreeRegressor().fit([[0.0], [1.0]], [5.0, 7.0])
        >>> Forest.of_trees([fitted]).sums(np.array([[0.2], [3.0], [np.nan]])).ravel().tolist()
        [5.0, 7.0, 7.0]
        """
        made = [_of_tree(fitted.tree_) for fitted in trees]
        return cls._of(made, [0] * len(made), np.float32, made[0].says.shape[1])

    @classmethod
    def of_boosted(cls, stages: Sequence[Sequence[Any]]) -> Self:
        """Take in the stages of scikit-learn's boosting over histograms, one tree an output.

        Raises:
            Unavailable: numba is not installed.
        """
        made = [_of_boosted(tree.nodes) for stage in stages for tree in stage]
        columns = [column for stage in stages for column in range(len(stage))]
        return cls._of(made, columns, np.float64, len(stages[0]))

    @classmethod
    def _of(
        cls, trees: list[_Tree], columns: list[int], bits: type[np.floating[Any]], outputs: int
    ) -> Self:
        sizes = np.array([len(tree.feature) for tree in trees])
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        packed = [_packed(tree, int(root), bits) for tree, root in zip(trees, roots, strict=True)]
        whole, some = _kernels()
        return cls(
            nodes=np.concatenate(packed),
            leaves=np.concatenate([tree.says[tree.order()] for tree in trees]),
            roots=roots.astype(packed[0].dtype),
            depths=np.array([tree.depth for tree in trees], dtype=np.int64),
            columns=np.array(columns, dtype=np.uint64),
            outputs=outputs,
            whole=whole,
            any=some,
        )

    def sums(self, X: Floats, start: Floats | float = 0.0) -> Floats:
        """Return what the trees say of rows, added up in their order, shape (n, outputs).

        Args:
            X: shape (n, features).
            start: what is added to.
        """
        bits = np.float32 if self.nodes.dtype == np.uint32 else np.float64
        out = np.zeros((len(X), self.outputs))
        out += start
        narrow = np.ascontiguousarray(X, dtype=bits)
        walk = self.any if np.isnan(narrow).any() else self.whole
        walk(
            narrow, self.nodes, self.nodes.view(bits), self.leaves, self.roots, self.depths,
            self.columns, out,
        )  # fmt: skip
        return out


def rounded_down(thresholds: Floats) -> NDArray[np.float32]:
    """Return the greatest 32-bit numbers that are not above 64-bit ones.

    >>> float(rounded_down(np.array([0.1]))[0]) <= 0.1 < float(np.float32(0.1))
    True
    """
    with np.errstate(over="ignore", under="ignore"):
        near = thresholds.astype(np.float32)
        above = near.astype(np.float64) > thresholds
        return np.where(above, np.nextafter(near, np.float32(-np.inf)), near)


def _packed(tree: _Tree, root: int, bits: type[np.floating[Any]]) -> Ints:
    order = tree.order()
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    leaf = tree.leaf[order]
    words: Any = np.uint32 if bits is np.float32 else np.uint64
    nodes = np.empty((len(order), 4), dtype=words)
    nodes[:, FEATURE] = np.where(leaf, 0, tree.feature[order])
    thresholds = rounded_down(tree.threshold) if bits is np.float32 else tree.threshold
    nodes[:, THRESHOLD] = np.where(leaf, np.inf, thresholds[order]).astype(bits).view(words)
    children = np.where(leaf, np.arange(len(order)), place[tree.left[order]])
    nodes[:, LEFT] = root + children
    nodes[:, MISSING_LEFT] = leaf | tree.missing_left[order]
    return nodes


def _of_tree(tree: Any) -> _Tree:
    return _Tree(
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        missing_left=np.asarray(tree.missing_go_to_left, dtype=bool),
        says=np.ascontiguousarray(tree.value[:, 0, :]),
        depth=int(tree.max_depth),
    )


def _of_boosted(nodes: Any) -> _Tree:
    leaf = nodes["is_leaf"] != 0
    return _Tree(
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=np.ascontiguousarray(nodes["num_threshold"], dtype=np.float64),
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        missing_left=nodes["missing_go_to_left"] != 0,
        says=np.ascontiguousarray(nodes["value"], dtype=np.float64)[:, None],
        depth=int(nodes["depth"].max()),
    )


def _kernels() -> tuple[Walk, Walk]:
    try:
        module = import_module(KERNELS)
    except ImportError as error:
        raise Unavailable(
            f"Trees cannot be compiled: {error}.", hint="pip install 'drift-factory[serve]'"
        ) from None
    return module.add_whole, module.add_any
