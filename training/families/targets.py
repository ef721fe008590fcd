"""A target on a scale of its own."""

from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler


def standardised(regressor: Any) -> Any:
    """Wrap a regressor so that it learns the target with mean 0 and deviation 1.

    A penalty, a tolerance or a learning rate then means the same for minutes and for millions.
    """
    return TransformedTargetRegressor(regressor, transformer=StandardScaler(), check_inverse=False)
