"""A diagnosis as plain JSON."""

from collections.abc import Sequence
from typing import Any

from factory.diagnosis.parts import Suspect
from factory.nouns import Diagnosis
from factory.plain import number


def suspects_json(suspects: Sequence[Suspect]) -> list[dict[str, Any]]:
    """Return features in the order of their priority as plain JSON.

    >>> suspects_json([Suspect("a", 0.5, True, 0.5, 0.25)])[0]["priority"]
    0.25
    """
    return [
        {
            "feature": suspect.feature,
            "drift": number(suspect.drift),
            "alarm": suspect.alarm,
            "importance": number(suspect.importance),
            "priority": number(suspect.priority),
            "loss": number(suspect.loss),
        }
        for suspect in suspects
    ]


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
        "features": suspects_json(diagnosis.suspects),
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
