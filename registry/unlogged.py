"""The log that keeps nothing."""

from registry.predictions import Predictions


class Unlogged:
    """Takes every prediction and forgets it; see ``registry.predictions.Log``."""

    def append(self, batch: Predictions) -> bool:
        """Forget a batch."""
        del batch
        return True

    def waiting(self) -> int:
        """Return 0."""
        return 0

    def close(self) -> None:
        """Do nothing."""
