"""How a check writes numbers, shares and names."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from flows.report.check import Interval
from flows.report.history import UNKNOWN, known

SMALL, CERTAIN, LARGE = 0.001, 0.0001, 10.0**9
"""Shares and p-values below, and numbers above, are not written out."""
_ACRONYMS = {"auc": "AUC", "ovo": "OVO", "ovr": "OVR", "r2": "R\N{SUPERSCRIPT TWO}", "roc": "ROC"}


def metric_words(name: str) -> str:
    """Return a metric's name as people read it.

    >>> metric_words("neg_mean_absolute_error"), metric_words("roc_auc"), metric_words("r2")
    ('mean absolute error', 'ROC AUC', 'R²')
    """
    words = str(name).removeprefix("neg_").split("_")
    return " ".join(_ACRONYMS.get(word, word) for word in words)


@dataclass(frozen=True, slots=True)
class Figures:
    """Writes numbers that belong together with the same number of decimals."""

    decimals: int

    @classmethod
    def of(cls, values: Sequence[object]) -> "Figures":
        """Choose decimals that show three digits of the middle one.

        >>> Figures.of([0.912345, 0.9])(0.9), Figures.of([1234.5])(1234.5), Figures(2)(-2)
        ('0.900', '1,234', '\N{MINUS SIGN}2.00')
        """
        sizes = sorted(abs(v) for v in map(known, values) if v)
        if not sizes:
            return cls(2)
        return cls(min(6, max(0, 2 - math.floor(math.log10(sizes[len(sizes) // 2])))))

    def __call__(self, value: object) -> str:
        """Write one number; a dash stands for one that is not known."""
        number = known(value)
        if number is None:
            return UNKNOWN
        if number and abs(number) >= LARGE:
            return f"{number:.3g}"
        return f"{number:,.{self.decimals}f}".replace("-", "\N{MINUS SIGN}")

    def interval(self, value: Interval | None) -> str:
        """Write a value with its bounds, as far as they are known."""
        if value is None:
            return UNKNOWN
        if value.low is None or value.high is None:
            return self(value.value)
        return f"{self(value.value)} ({self(value.low)} to {self(value.high)})"


def percent(share: object) -> str:
    """Write a share; a small one is not written as none.

    >>> percent(0.5), percent(0.0004), percent(0.012), percent(0)
    ('50%', '<0.1%', '1.2%', '0%')
    """
    number = known(share)
    if number is None:
        return UNKNOWN
    if 0 < abs(number) < SMALL:
        return "<0.1%"
    text = f"{number:.1%}".replace(".0%", "%")
    return text if len(text) <= len("9.9%") else f"{number:.0%}"


def chance(p_value: object) -> str:
    """Write a p-value.

    >>> chance(0.0312), chance(1e-30), chance(1.0)
    ('0.031', '<0.0001', '1')
    """
    number = known(p_value)
    if number is None:
        return UNKNOWN
    return "<0.0001" if number < CERTAIN else f"{number:.2g}"


def listed(words: Sequence[str], most: int = 3) -> str:
    """Write names one after another, the last ones as a number.

    >>> listed(["a", "b"]), listed(["a"]), listed(["a", "b", "c", "d", "e"])
    ('a and b', 'a', 'a, b, c and 2 more')
    """
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> count(1, "row"), count(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def cut(name: object, most: int = 40) -> str:
    """Shorten a name for use in a sentence.

    >>> cut("temperature", 6)
    'tempe…'
    """
    text = " ".join(str(name).split()) or repr(str(name))
    return text if len(text) <= most else f"{text[: most - 1]}…"
