"""What a config says of rows that are strange to the model."""

from typing import Literal

from pydantic import Field

from factory.policy import Part, Share

Score = Literal["auto", "softmax", "energy", "centroid", "mahalanobis", "knn"]


class OodConfig(Part):
    """How strange rows are told from known ones; see ``factory.ood``."""

    score: Score = Field(
        "auto", description="auto: what tells held-out rows best from rows made strange"
    )
    true_positive_rate: Share = Field(
        0.95, description="share of rows like the reference that counts as known"
    )
    temperature: float = Field(1.0, gt=0, description="of the energy")
    neighbours: int = Field(10, ge=1, le=1_000, description="the distance to which counts in knn")
