"""What a remedy is worth: the loss it avoids over the horizon, less what it costs."""

from dataclasses import dataclass
from math import inf

from factory.policy import PolicyConfig
from factory.remedies import Keep, Rehearsal, Remedy, is_fitted, is_search

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Worth:
    """An account in the owner's units, see ``PriceConfig``.

    Attributes:
        avoided: loss that the mean gain saves over the horizon.
        delay: what of that is lost until the model serves.
        risk: by how much the mean gain may be too high.
        price: of the change, of a refit, of a search.
        compute: of the time in which the remedy was made.
        asking: of people who answer what it leaves to them and the champion does not.
    """

    avoided: float
    delay: float
    risk: float
    price: float
    compute: float
    asking: float = 0.0

    @property
    def value(self) -> float:
        """What is left.

        >>> Worth(avoided=5.0, delay=1.0, risk=1.0, price=0.5, compute=0.5).value
        2.0
        """
        return self.avoided - self.delay - self.risk - self.price - self.compute - self.asking


def worth(rehearsal: Rehearsal, policy: PolicyConfig) -> Worth:
    """Account for a rehearsed remedy.

    >>> from factory.remedies import Retrain
    >>> tried = Rehearsal(Retrain("all"), 0.8, 0.7, 0.9, 0.2, 0.15, 0.05, 3.0, rows=400)
    >>> round(worth(tried, PolicyConfig()).value, 2)
    0.16
    """
    price = policy.price
    waits = policy.delay if is_fitted(rehearsal.remedy) else 0.0
    served = max(policy.horizon - waits, 0.0)
    return Worth(
        avoided=price.window * policy.horizon * rehearsal.gain,
        delay=price.window * (policy.horizon - served) * rehearsal.gain,
        risk=price.window * served * policy.risk * (rehearsal.gain - rehearsal.gain_low),
        price=price_of(rehearsal.remedy, policy),
        compute=price.compute_hour * rehearsal.cost_seconds / HOUR,
        asking=price.person * served * rehearsal.asking,
    )


def price_of(remedy: Remedy, policy: PolicyConfig) -> float:
    """Return what a remedy costs beside the time to make it, in the owner's units.

    >>> from factory.remedies import Retrain
    >>> price_of(Keep(), PolicyConfig()), price_of(Retrain("all"), PolicyConfig())
    (0.0, 0.01)
    """
    if isinstance(remedy, Keep):
        return 0.0
    price = policy.price
    refit = price.refit if is_fitted(remedy) else 0.0
    return price.change + refit + (price.search if is_search(remedy) else 0.0)


def gain_needed(
    remedy: Remedy, policy: PolicyConfig, *, undoes: bool = False, retrains: int = 0
) -> float:
    """Return the relative gain from which a remedy is worth it at all.

    A refit spends of a budget. The more of it is spent, the more the next one has to gain, so
    that something is left for the window that needs it most.

    Args:
        remedy: to be judged.
        policy: the least gain, the prices, and the budget of retrains.
        undoes: whether it takes back a change that has hardly settled; it then needs twice the
            least gain, lest noise send a model to and fro.
        retrains: those of the budget that are spent.

    Source:
        Zhou, Chakrabarty and Lukose, Budget constrained bidding in keyword auctions and online
        knapsack problems (2008), for a threshold that rises with what is spent.

    >>> from factory.remedies import Retrain, RollBack
    >>> gain_needed(Retrain("all"), PolicyConfig()), gain_needed(RollBack(1), PolicyConfig())
    (0.03, 0.02)
    >>> gain_needed(Retrain("all"), PolicyConfig(retrains=6), retrains=3)
    0.06
    """
    least = policy.minimum_gain * (2 if undoes else 1)
    least += price_of(remedy, policy) / (policy.price.window * policy.horizon)
    if not is_fitted(remedy) or retrains == 0:
        return least
    left = 1 - retrains / max(policy.retrains, 1)
    return least / left if left > 0 else inf
