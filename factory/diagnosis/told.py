"""A diagnosis as plain JSON."""

from typing import Any

from factory.nouns import Diagnosis
from factory.plain import number


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as plain JSON; what is not known is null.

    >>> told = diagnosis_json(Diagnosis("none", (), "nothing moved that matters"))
    >>> told["cause"], told["shares"], told["labels_needed"]
    ('none', [], None)
    """
    return {
        "cause": diagnosis.cause,
        "culprits": list(diagnosis.culprits),
        "because": diagnosis.because,
        "shares": [
            {
                "source": share.source,
                "share": number(share.value),
                "low": number(share.low),
                "high": number(share.high),
            }
            for share in diagnosis.shares
        ],
        "labels_needed": diagnosis.labels_needed,
        "overlap": number(diagnosis.overlap),
        "features": [
            {
                "feature": suspect.feature,
                "drift": number(suspect.drift),
                "alarm": suspect.alarm,
                "importance": number(suspect.importance),
                "priority": number(suspect.priority),
                "loss": number(suspect.loss),
            }
            for suspect in diagnosis.suspects
        ],
        "classes": [
            {
                "class": share.label,
                "reference": number(share.before),
                "estimated": number(share.now),
                "low": number(share.low),
                "high": number(share.high),
            }
            for share in diagnosis.mix
        ],
    }
