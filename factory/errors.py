"""The errors raised on purpose; each says what to do next.

::

    FactoryError             exit code 2: the user can mend it
    ├── BadConfig            a config file or value
    ├── BadData              a data file, table or column
    ├── UnknownModel         no such registered model or version
    ├── NoChampion           a model that has no champion yet
    ├── Conflict             another process moved the champion meanwhile
    └── Unavailable          a store, server or package that cannot be used
        └── Damaged          a record that is no longer what was written
"""


class FactoryError(Exception):
    """Base of all errors raised on purpose.

    Args:
        problem: what is wrong, one sentence, with the offending value.
        hint: the one thing to do next.
    """

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(f"{problem}\n  fix: {hint}")
        self.problem = problem
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling, which an exception with keyword arguments would not."""
        return (_rebuild, (type(self), self.problem, self.hint))


def _rebuild(kind: type[FactoryError], problem: str, hint: str) -> FactoryError:
    error = kind.__new__(kind)
    FactoryError.__init__(error, problem, hint=hint)
    return error


class BadConfig(FactoryError, ValueError):
    """A config file or value that cannot be used."""


class BadData(FactoryError, ValueError):
    """A data file, table or column that cannot be used."""


class UnknownModel(FactoryError, LookupError):
    """No such registered model or version."""


class NoChampion(FactoryError, LookupError):
    """A model that has no champion yet."""

    def __init__(self, model: str) -> None:
        super().__init__(f"{model!r} has no champion.", hint=f"factory train {model}")


class Conflict(FactoryError, RuntimeError):
    """Another process moved the champion meanwhile; nothing was changed."""


class Unavailable(FactoryError, RuntimeError):
    """A store, server or package that cannot be used now."""


class Damaged(Unavailable):
    """A record that is no longer what was written."""
