"""What an autoencoder says of rows: a score, each value's part in it, and the row rebuilt."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from factory.nouns import Floats
from factory.ood import LOSSES, VIEWS
from factory.ood.coder import Coder, Frame, Shape, Wish, coder, windows
from factory.ood.config import OodConfig
from factory.ood.made import made_strange
from factory.ood.measures import separation


@dataclass(frozen=True, eq=False)
class Rebuilding:
    """A fitted coder, and how its rows are scored.

    Attributes:
        kind: a name of ``factory.ood.CODERS``.
        frame: where the known rows lie.
        coder: fitted to them.
        loss: absolute errors count where it is mae, else squared ones.
        view: whether what is lost of a row counts, or where its code lies.
        window: rows that are seen together.
    """

    kind: str
    frame: Frame
    coder: Coder
    loss: str
    view: str
    window: int = 1

    @classmethod
    def fit(
        cls, config: OodConfig, learnt: Floats, held: Floats, shape: Shape, seed: int
    ) -> tuple[Self, dict[str, float]]:
        """Learn to rebuild rows, by each loss that may be, and keep what tells strange rows best.

        Args:
            config: kind, loss, view, epochs and window.
            learnt: encoded rows, shape (n, d), in time order where they are seen together.
            held: others, half of which are made strange to measure by, shape (m, d).
            shape: of a row as an image; () for a plain vector.
            seed: of all that is drawn.

        Returns:
            What is kept, and the AUROC of all that were tried, by loss and view.
        """
        frame = Frame.of(learnt, alike=bool(shape))
        rng = np.random.default_rng(seed)
        rows = windows(frame.scaled(learnt), config.window)
        half = len(held) // 2
        sound, strange = held[:half], made_strange(held[half:], rng)
        losses = LOSSES if config.loss == "auto" else (config.loss,)
        views = VIEWS if config.view == "auto" else (config.view,)
        tried: dict[str, float] = {}
        best, chosen = -1.0, None
        for loss in losses:
            wish = Wish(config.score, loss, shape, config.epochs, seed)
            made = cls(config.score, frame, coder(config.score).fit(rows, wish), loss, views[0])
            for view in views:
                one = replace(made, view=view, window=config.window)
                found = separation(one.scores(sound), one.scores(strange)).auroc
                tried[f"{loss} {view}"] = found
                if found > best:
                    best, chosen = found, one
        assert chosen is not None  # noqa: S101 - there is at least one loss and one view
        return chosen, tried

    def scores(self, X: Floats) -> Floats:
        """Return how strange encoded rows are, shape (n,)."""
        found = self.coder.latent(self._seen(X)) if self.view == "latent" else None
        found = self.parts(X).mean(axis=1) if found is None else found
        return np.where(np.isnan(found), np.inf, found)

    def parts(self, X: Floats) -> Floats:
        """Return what is lost of each value of encoded rows, shape (n, d)."""
        seen = self._seen(X)
        with np.errstate(over="ignore", invalid="ignore"):
            lost = np.abs(seen - self.coder.rebuilt(seen))
            errors = lost if self.loss == "mae" else lost**2
        return np.asarray(errors.reshape(len(X), self.window, -1).mean(axis=1))

    def rebuilt(self, X: Floats) -> Floats:
        """Return encoded rows as they are rebuilt, in their own units, shape (n, d)."""
        said = self.coder.rebuilt(self._seen(X)).reshape(len(X), self.window, -1)
        return self.frame.back(said[:, -1])

    def to_values(self) -> dict[str, Any]:
        """Return arrays and plain values, to be kept with the version."""
        plain = {"kind": self.kind, "loss": self.loss, "view": self.view, "window": self.window}
        return {**plain, "frame": self.frame._asdict(), "coder": self.coder.to_values()}

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_values`` was called on."""
        kept = coder(values["kind"]).of_values(values["coder"])
        return cls(**{**values, "frame": Frame(**values["frame"]), "coder": kept})

    def _seen(self, X: Floats) -> Floats:
        return windows(self.frame.scaled(X), self.window)
