"""Texts as numbers to learn from: how telling the words are that they hold, or in which order."""

import re
from collections import Counter
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer

from factory.nouns import Floats

ENDED, UNKNOWN = 0, 1
"""What stands in a row of ``Words`` after the text's last word, and for a word not learnt."""
RESERVED = 2
FEWEST = 16
"""A row of ``Words`` is no shorter."""


class Terms(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn a column of texts into the weights of its words, and of pairs of neighbouring words.

    The weight grows with the logarithm of how often a term stands in the text, and with how few
    texts of the training rows hold it; each text has length 1. A missing text, and one of which
    no term is known, is 0 throughout.

    Args:
        most: terms that are told apart, the commonest of the training rows.

    Source:
        Sparck Jones, A statistical interpretation of term specificity and its application in
        retrieval (1972), as scikit-learn has it.

    >>> frame = pd.DataFrame({"a": ["good wine", "bad wine", None]})
    >>> Terms(2).fit(frame).transform(frame).round(2).tolist()
    [[0.0, 1.0], [0.8, 0.61], [0.0, 0.0]]
    """

    vectorizer_: TfidfVectorizer | None

    def __init__(self, most: int) -> None:
        self.most = most

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn which terms there are, and how common they are."""
        del y
        vectorizer = TfidfVectorizer(max_features=self.most, ngram_range=(1, 2), sublinear_tf=True)
        try:
            self.vectorizer_ = vectorizer.fit(_filled(X))
        except ValueError:
            # There is not one word in them.
            self.vectorizer_ = None
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return weights, shape (rows, terms); one column of zeros where there are no terms."""
        if self.vectorizer_ is None:
            return np.zeros((len(X), 1))
        return np.asarray(self.vectorizer_.transform(_filled(X)).toarray(), dtype=np.float64)


class Words(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn a column of texts into the numbers of their words, in the order of the text.

    A word is a run of letters and digits, its case put aside. A row is as long as the longest text
    of the training rows, at least 16 and at most ``longest``; what a text has beyond is not seen.
    A missing text is 0 throughout.

    Args:
        most: words that are told apart, the commonest of the training rows.
        longest: words of a text that are looked at, its first ones.

    >>> frame = pd.DataFrame({"a": ["good wine", "Bad wine", None]})
    >>> Words(2, 100).fit(frame).transform(frame)[:, :3].tolist()
    [[1.0, 3.0, 0.0], [2.0, 3.0, 0.0], [0.0, 0.0, 0.0]]
    """

    words_: NDArray[np.str_]

    def __init__(self, most: int, longest: int) -> None:
        self.most = most
        self.longest = longest

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn which words there are, and how long texts are."""
        del y
        texts = [_words(text) for text in _filled(X)]
        counts = Counter(word for text in texts for word in text)
        common = sorted(counts, key=lambda word: (-counts[word], word))[: self.most]
        self.words_ = np.array(sorted(common), dtype=np.str_)
        self.length_ = min(self.longest, max(FEWEST, *map(len, texts)))
        return self

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return 2 and more for the words known, in their alphabet; shape (rows, length)."""
        places = {str(word): place for place, word in enumerate(self.words_, RESERVED)}
        rows = np.full((len(X), self.length_), ENDED, dtype=np.float64)
        for row, text in zip(rows, _filled(X), strict=True):
            told = [places.get(word, UNKNOWN) for word in _words(text)[: self.length_]]
            row[: len(told)] = told
        return rows


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _filled(X: pd.DataFrame) -> pd.Series:
    return X.iloc[:, 0].fillna("").astype(str)
