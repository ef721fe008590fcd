"""Generative replay: rows drawn in place of older ones that may not be kept.

A generator of ``GENERATORS`` is a class with ``fit(frame, schema, *, seed)``, ``draw(rows, *,
seed)``, ``to_values()`` and ``of(values)``, and one line in the table.
"""

from collections.abc import Mapping

GENERATORS: Mapping[str, str] = {
    "copula": "factory.replay.copula:Copula",
    "vae": "factory.replay.vae:Vae",
}
NUMBERS_ONLY = frozenset({"vae"})
"""Generators that draw no categories."""
