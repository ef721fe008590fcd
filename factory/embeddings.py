"""Embeddings of texts and images: from cells to points in few dimensions.

Each is a function of some cells and their column that returns what places any cells (see
``factory.embedded``). What it learns, it learns from those cells alone; what it draws, it draws by
a seed of its own, so that the same cells give the same space anywhere.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from factory.embedded import SEED, Cells, Place
from factory.nouns import Column, Floats
from factory.pictures import FULL, read_cells, resized

DIMENSIONS, CELLS = 32, 20
"""Of a space, at most, and cells that each of them needs."""
SIDE = 32
"""Pixels to which the longer side of an image is brought first, if it is longer."""
FILTERS = (16, 32)
KERNEL, STRIDE = 4, 2
BLOCK = 512
"""Images that are held as numbers at once."""
WORDS = 5_000
"""Words that a text is told by, at most."""

Images = NDArray[np.float32]


def untrained(cells: Cells, column: Column) -> Place:
    """Place images by an autoencoder's encoder that nobody trained: convolutions of drawn weights.

    Two convolutions of four by four pixels with steps of two and rectified outputs, then a
    projection to 32 dimensions, which the cells turn into their principal axes: what hardly
    varies in them tells small changes first. One axis for each 20 cells is kept.

    Args:
        cells: give the axes.
        column: gives the images' shape.

    Source:
        Rabanser, Günnemann and Lipton, Failing Loudly: An Empirical Study of Methods for
        Detecting Dataset Shift (2019), where it is called UAE.

    >>> cells = np.array(["AAAA", "////", "AP//", "//8A"] * 10, object)
    >>> untrained(cells, Column("file", "image", (1, 3, 1)))(cells).shape
    (40, 2)
    """
    rng = np.random.default_rng(SEED)
    height, width, depth = _small(column.shape)
    kernels = []
    for filters in FILTERS:
        if min(height, width) < STRIDE:
            break
        kernels.append(_glorot(rng, KERNEL * KERNEL * depth, filters))
        height, width, depth = -(-height // STRIDE), -(-width // STRIDE), filters
    if kernels:
        # Half of what looks at pixels sees contrast alone, and so what light leaves as it is.
        kernels[0][:, ::2] -= kernels[0][:, ::2].mean(axis=0)
    last = _glorot(rng, height * width * depth, DIMENSIONS)

    def encode(images: Images) -> Floats:
        for kernel in kernels:
            images = np.maximum(_patches(images) @ kernel, 0)
        return np.asarray(images.reshape(len(images), -1) @ last, dtype=np.float64)

    drawn = _in_blocks(encode, column)
    middle, axes = _axes(drawn(cells))
    return lambda some: (drawn(some) - middle) @ axes


def principal(cells: Cells, column: Column) -> Place:
    """Place images by the principal components of the cells' pixels, one for each 20 cells.

    >>> cells = np.array(["AAAA", "////", "AP//", "//8A"] * 10, object)
    >>> principal(cells, Column("file", "image", (1, 3, 1)))(cells).shape
    (40, 2)
    """
    pixels = read_cells(cells, column.shape)[0]
    images = _floats(pixels, column.shape).reshape(len(pixels), -1)
    most = min(_dimensions(len(images)), images.shape[1])
    if len(images) <= most:
        return lambda some: np.zeros((len(some), 1))
    with np.errstate(invalid="ignore"):
        # Equal images have no variance to take shares of.
        fitted = PCA(most, svd_solver="randomized", random_state=SEED).fit(images)

    def encode(images: Images) -> Floats:
        return np.asarray(fitted.transform(images.reshape(len(images), -1)), dtype=np.float64)

    return _in_blocks(encode, column)


def latent(cells: Cells, column: Column) -> Place:
    """Place texts by latent semantic analysis of the cells: weighted words, 32 dimensions of them.

    Source:
        Deerwester, Dumais, Furnas, Landauer and Harshman, Indexing by latent semantic analysis
        (1990).

    >>> cells = np.array(["good wine", "good bread", "bad wine"] * 10, object)
    >>> latent(cells, Column("a", "text"))(np.array(["never seen"], object)).round(6).tolist()
    [[0.0]]
    """
    del column
    words = TfidfVectorizer(max_features=WORDS, sublinear_tf=True)
    try:
        weighted = words.fit_transform(cells)
    except ValueError:
        # There is not one word in them.
        return lambda some: np.zeros((len(some), 1))
    most = min(_dimensions(len(cells)), weighted.shape[1] - 1)
    if most < 1:
        return lambda some: np.asarray(words.transform(some).sum(axis=1), dtype=np.float64)
    with np.errstate(invalid="ignore"):
        # Equal texts have no variance to take shares of.
        fitted = TruncatedSVD(most, random_state=SEED).fit(weighted)

    def place(some: Cells) -> Floats:
        if len(some) == 0:
            return np.zeros((0, most))
        return np.asarray(fitted.transform(words.transform(some)), dtype=np.float64)

    return place


def _dimensions(cells: int) -> int:
    return min(DIMENSIONS, max(1, cells // CELLS))


def _axes(points: Floats) -> tuple[Floats, Floats]:
    """Return the mean of points, shape (k,), and their principal axes, shape (k, fewer)."""
    if len(points) < 2:  # noqa: PLR2004 - one point has no axes
        return np.zeros(points.shape[1]), np.eye(points.shape[1])[:, :1]
    vectors = np.linalg.eigh(np.cov(points, rowvar=False))[1]
    return points.mean(axis=0), vectors[:, ::-1][:, : _dimensions(len(points))]


def _small(shape: tuple[int, ...]) -> tuple[int, int, int]:
    height, width, channels = shape
    factor = min(1.0, SIDE / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor)), channels


def _floats(pixels: NDArray[np.uint8], shape: tuple[int, ...]) -> Images:
    height, width, _ = _small(shape)
    return (resized(pixels, height, width) / FULL).astype(np.float32)


def _in_blocks(encode: Callable[[Images], Floats], column: Column) -> Place:
    def place(cells: Cells) -> Floats:
        starts = range(0, max(len(cells), 1), BLOCK)
        parts = (read_cells(cells[start : start + BLOCK], column.shape)[0] for start in starts)
        return np.concatenate([encode(_floats(part, column.shape)) for part in parts])

    return place


def _glorot(rng: np.random.Generator, inputs: int, outputs: int) -> Images:
    limit = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, size=(inputs, outputs)).astype(np.float32)


def _patches(images: Images) -> Images:
    """Return what each output of a convolution looks at, shape (n, height, width, inputs)."""
    n, height, width, depth = images.shape
    padded = np.pad(images, ((0, 0), (1, KERNEL), (1, KERNEL), (0, 0)))
    views = sliding_window_view(padded, (KERNEL, KERNEL), axis=(1, 2))  # type: ignore[call-overload]
    rows, columns = -(-height // STRIDE), -(-width // STRIDE)
    picked = views[:, : STRIDE * rows : STRIDE, : STRIDE * columns : STRIDE]
    return np.asarray(picked.reshape(n, rows, columns, depth * KERNEL * KERNEL))
