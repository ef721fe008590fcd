"""What a config says of rows that are strange to the model."""

from typing import Literal

from pydantic import Field

from factory.policy import Part, Share

Score = Literal["auto", "softmax", "energy", "centroid", "mahalanobis", "knn", "autoencoder", "vae"]


class OodConfig(Part):
    """How strange rows are told from known ones; see ``factory.ood``."""

    score: Score = Field(
        "auto",
        description="auto: the model's own that tells held-out rows best from rows made strange",
    )
    true_positive_rate: Share = Field(
        0.95, description="share of rows like the reference that counts as known"
    )
    temperature: float = Field(1.0, gt=0, description="of the energy")
    neighbours: int = Field(10, ge=1, le=1_000, description="the distance to which counts in knn")
    loss: Literal["auto", "mse", "mae", "bce"] = Field(
        "auto", description="of an autoencoder; auto: what tells rows made strange best"
    )
    view: Literal["auto", "reconstruction", "latent"] = Field(
        "auto",
        description="of an autoencoder's rows: what is lost of them, or where their codes lie",
    )
    epochs: int = Field(30, ge=1, le=10_000, description="of an autoencoder")
    window: int = Field(
        1, ge=1, le=1_000, description="rows that an autoencoder sees together, in time order"
    )
