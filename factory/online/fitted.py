"""What every detector is made of again, and what it says after a row."""

from typing import ClassVar, Self

from factory.online.protocol import Values


class Fitted:
    """A detector that is known by the arguments it was made from, kept in ``_fitted``."""

    SAID: ClassVar[tuple[str, ...]] = ("drift", "statistic", "threshold", "window", "column")
    """What it says after a row, see ``Online``."""
    _fitted: Values

    @classmethod
    def of(cls, fitted: Values) -> Self:
        """Return a detector at its start, with what was fitted."""
        return cls(**fitted)

    def fitted(self) -> Values:
        """Return the arguments it was made from."""
        return dict(self._fitted)

    def said(self) -> Values:
        """Return what it says after its last row."""
        return {name: getattr(self, name) for name in self.SAID}

    def say(self, state: Values) -> None:
        """Say what it said when ``said`` was called."""
        for name in self.SAID:
            setattr(self, name, state[name])


def numbered(number: int, state: Values) -> Values:
    """Return a part's state under names that begin with its number.

    >>> numbered(2, {"at": 5})
    {'2.at': 5}
    """
    return {f"{number}.{key}": value for key, value in state.items()}


def of_number(number: int, state: Values) -> Values:
    """Return a part's state from a whole one's.

    >>> of_number(2, {"2.at": 5, "3.at": 6})
    {'at': 5}
    """
    start = f"{number}."
    return {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
