"""Model families: what one offers, and which loss it trains with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from factory.errors import BadConfig
from factory.nouns import Floats, Task
from training.families import FAMILIES
from training.plugins import plugin
from training.space import Params, Space

ABSOLUTE_METRICS = ("mean_absolute_error", "median_absolute_error", "d2_absolute_error_score")

Stages = Callable[[Any, Floats, NDArray[Any], Floats | None, int], Iterator[bool]]


@dataclass(frozen=True)
class Family:
    """A kind of model with its hyperparameters; one line in ``training.families``.

    Attributes:
        name: its name in configurations.
        losses: per task, the losses it can minimise, the default first; no task, no model.
        space: task and loss to the hyperparameters searched.
        build: hyperparameters, task, loss, seed and the number of rows it will be fitted on, to
            an unfitted scikit-learn estimator; classifiers must give probabilities.
        needs_scaling: whether features of different size harm it.
        onehot: whether it wants categories one-hot, not as ordered numbers.
        native_missing: whether it learns from missing numbers as they are.
        row_limit: most rows it is fitted on, where its cost grows faster than the rows.
        slow_losses: losses it can minimise, but only trains with when asked for by name.
        weighted: whether its estimators take weights of rows.
        class_rows: per loss, fewest rows a class needs to be learned; 1 when absent.
        stages: grows an estimator on numbers, a target, weights or None, in so many stages at
            most; yields after each whether it was the last. None where a fit is all or nothing.
        served: from the fitted estimator, the one that is kept in its place, which needs no code of
            ``training``; None where it is itself.
        settled: from the estimator that is kept, what its hyperparameters have to be beside for a
            fit without a search of its own; None where no fit searches.
        reads_words: whether it reads a text, where that is the only feature, word by word.
        capacity: hyperparameters that say most about how much the model can learn; the first
            that is in the space counts.
    """

    name: str
    losses: Mapping[Task, tuple[str, ...]]
    space: Callable[[Task, str], Space]
    build: Callable[[Params, Task, str, int, int], Any]
    needs_scaling: bool
    onehot: bool
    native_missing: bool = False
    row_limit: int | None = None
    slow_losses: tuple[str, ...] = ()
    weighted: bool = True
    class_rows: Mapping[str, int] = field(default_factory=dict)
    stages: Stages | None = None
    served: Callable[[Any], Any] | None = None
    settled: Callable[[Any], Params] | None = None
    reads_words: bool = False
    capacity: tuple[str, ...] = ()

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Return the tasks it has a loss for."""
        return tuple(self.losses)


def family_named(name: str) -> Family:
    """Return the family listed under a name in ``training.families``.

    Raises:
        BadConfig: none is.

    >>> family_named("tree").onehot
    False
    """
    family: Family = plugin(FAMILIES, name)
    return family


def loss_for(family: Family, task: Task, loss: str, metric: str) -> str:
    """Return the loss a family trains with.

    ``auto`` is the absolute error where the metric is made of absolute errors and the family has
    that loss at a bearable cost, else the family's default.

    Args:
        family: what is trained.
        task: what is predicted.
        loss: ``auto`` or a loss by name.
        metric: name of the metric that the model is judged by.

    Raises:
        BadConfig: the family lacks the loss.

    >>> boosting = family_named("boosting")
    >>> loss_for(boosting, "regression", "auto", "mean_absolute_error")
    'absolute_error'
    >>> loss_for(boosting, "regression", "auto", "r2")
    'squared_error'
    """
    offered = family.losses[task]
    if loss == "auto":
        wanted = "absolute_error" if metric in ABSOLUTE_METRICS else offered[0]
        return wanted if wanted in offered and wanted not in family.slow_losses else offered[0]
    if loss not in offered:
        raise BadConfig(
            f"search.loss = {loss!r}: family {family.name!r} lacks it for a {task} task; "
            f"it has {', '.join(offered)}.",
            hint=f"search.loss: auto, or leave {family.name!r} out of search.families",
        )
    return loss
