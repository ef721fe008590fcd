"""Simple figures of texts, beside the comparison as a whole: how long, and how many new words."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from factory.detectors.finding import NOTHING, Finding
from factory.detectors.ks import ks
from factory.embedded import Embedded
from factory.nouns import Floats
from factory.profile import Numbers

WORD = re.compile(r"\w+")


@dataclass(frozen=True, eq=False)
class WordCounts:
    """Words of some texts.

    Attributes:
        known: rows that hold each word, in small letters.
        lengths: words of each row, NaN where it is missing, shape (n,).
        alone: share of each row's words that no other row holds, NaN where it has none.
    """

    known: Counter[str]
    lengths: Floats
    alone: Floats

    @classmethod
    def of(cls, texts: Iterable[object]) -> Self:
        """Count the words of texts, of which some may be missing.

        >>> found = WordCounts.of(["good wine", "Good bread and wine", None])
        >>> found.lengths.tolist(), found.alone.tolist()
        ([2.0, 4.0, nan], [0.0, 0.5, nan])
        """
        rows = [words(text) if isinstance(text, str) else None for text in texts]
        known = Counter(word for row in rows if row is not None for word in set(row))
        lengths = [np.nan if row is None else float(len(row)) for row in rows]
        alone = [share(row or [], {word for word in row or [] if known[word] > 1}) for row in rows]
        return cls(known, np.array(lengths), np.array(alone))


def words(text: str) -> list[str]:
    """Return a text's words in small letters.

    >>> words("It's 5 o'clock.")
    ['it', 's', '5', 'o', 'clock']
    """
    return WORD.findall(text.lower())


def share(row: list[str], known: set[str] | Counter[str]) -> float:
    """Return the share of words that are not known, NaN where there is no word."""
    return sum(word not in known for word in row) / len(row) if row else np.nan


def length(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare how many words texts have, by the Kolmogorov-Smirnov test.

    >>> from factory.nouns import Column
    >>> short, long = (np.array([text] * 50, object) for text in ("one two", "one two three"))
    >>> column = Column("a", "text")
    >>> length(Embedded.of(short, column), Embedded.of(long, column)).effect
    1.0
    """
    before, now = (WordCounts.of(side.drawn).lengths for side in (reference, window))
    return ks(Numbers.of(before), Numbers.of(now), deff)


def new_words(reference: Embedded, window: Embedded, deff: float = 1.0) -> Finding:
    """Compare the share of words in a text that no text of the reference holds.

    What is usual is the share of words in each text of the reference that no other one holds. The
    statistic is the window's mean share, the effect what it has more, and the p-value that of the
    Kolmogorov-Smirnov test on the shares.

    Source:
        Good, The population frequencies of species and the estimation of population
        parameters (1953).

    >>> from factory.nouns import Column
    >>> old, new = (np.array([text] * 50, object) for text in ("one two", "one three"))
    >>> column = Column("a", "text")
    >>> new_words(Embedded.of(old, column), Embedded.of(new, column)).effect
    0.5
    """
    usual = WordCounts.of(reference.drawn)
    now = np.array([share(words(text), usual.known) for text in window.drawn])
    before, now = (side[~np.isnan(side)] for side in (usual.alone, now))
    if min(len(before), len(now)) == 0:
        return NOTHING
    found = ks(Numbers.of(before), Numbers.of(now), deff)
    excess = max(0.0, float(now.mean() - before.mean()))
    return Finding(float(now.mean()), found.p_value if excess else 1.0, excess)
