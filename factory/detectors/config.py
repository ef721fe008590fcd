"""What a config says of the detectors that are used."""

import difflib

from pydantic import Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from factory.detectors import BEHAVIOUR, JOINT, PLUGINS_READ, READS
from factory.errors import BadConfig
from factory.policy import Part


class DetectorsConfig(Part):
    """Which detector tests each kind of feature, and all together; see ``factory.detectors``."""

    number: str = Field("ks", description=" | ".join(READS["number"]))
    category: str = Field("chi2", description=" | ".join(READS["category"]))
    text: str = Field("lsa_ks", description=" | ".join(READS["text"]))
    image: str = Field("uae_ks", description=" | ".join(READS["image"]))
    joint: str = Field("domain_classifier", description=" | ".join(JOINT))
    behaviour: str | None = Field(
        None, description=f"of the champion, without labels: {' | '.join(BEHAVIOUR)}"
    )

    @field_validator("number", "category", "text", "image", "joint", "behaviour")
    @classmethod
    def known(cls, name: str | None, info: ValidationInfo) -> str | None:
        """Refuse a name that is not in the table for this kind of feature."""
        kind = str(info.field_name)
        own = {**READS, "joint": tuple(JOINT), "behaviour": tuple(BEHAVIOUR)}
        fit = (*own[kind], *PLUGINS_READ.get(kind, ()))
        if name is not None and name not in fit:
            near = difflib.get_close_matches(name.lower(), fit, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(fit)}"
            raise BadConfig(f"{name!r} is no detector of that kind.", hint=hint)
        return name
