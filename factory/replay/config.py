"""How a version remembers rows that are not kept."""

from typing import Literal

from pydantic import Field

from factory.policy import Part


class ReplayConfig(Part):
    """Older rows are drawn from a generator that each version keeps, once they are gone."""

    generator: Literal["copula", "vae"] = Field(
        "copula", description="vae: a network a class, for numbers alone; needs Keras"
    )
    rows: int = Field(20_000, ge=1, le=1_000_000, description="drawn in a training, at most")
    labels: Literal["auto", "model", "generator"] = Field(
        "auto",
        description="who labels what is drawn; auto: the generator where the champion is as good "
        "on its rows as on real ones, else the champion",
    )
    keep: bool = Field(
        default=False, description="whether tables stay that a version has learnt from"
    )
