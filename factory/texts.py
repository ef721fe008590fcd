"""Texts as numbers to learn from: which words they hold, and how telling each of them is."""

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer

from factory.nouns import Floats


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


def _filled(X: pd.DataFrame) -> pd.Series:
    return X.iloc[:, 0].fillna("").astype(str)
