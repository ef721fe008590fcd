"""A bundle's pipeline in its fastest form, from canonical rows to outputs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from factory.bundle import Bundle
from factory.compiled.finals import Final, Uncompiled, final_of, native
from factory.compiled.rows import Layout, Rows
from factory.compiled.steps import Features, features_of
from factory.errors import Unavailable
from factory.nouns import Outputs, Schema

Form = Literal["compiled", "features", "as_it_is"]
"""Steps and estimator in compiled form; the steps only, with the estimator as it is; neither."""


@dataclass(frozen=True)
class Compiled:
    """What predicts.

    Attributes:
        form: what of the pipeline is compiled.
        because: why not more of it.
        layout: what the rows have to look like.
        bundle: whose outputs these are.
        features: rows to what the estimator reads; None in the form ``as_it_is``.
        final: that to the estimator's outputs; None as above.
    """

    form: Form
    because: str
    layout: Layout
    bundle: Bundle
    features: Features | None = None
    final: Final | None = None

    @classmethod
    def of(cls, bundle: Bundle) -> "Compiled":
        """Compile as much of a bundle's pipeline as there is a compiled form of."""
        layout, estimator = Layout(bundle.schema.features), bundle.pipeline.steps[-1][1]
        try:
            features = features_of(bundle.pipeline, layout)
        except Uncompiled as reason:
            return cls.as_it_is(bundle, str(reason))
        form: Form
        try:
            final, form, because = final_of(estimator), "compiled", ""
        except (Uncompiled, Unavailable) as reason:
            said = reason.problem if isinstance(reason, Unavailable) else str(reason)
            final, form, because = native(estimator), "features", said
        if bundle.schema.classes:
            final = _in_order(final, estimator.classes_, bundle.schema)
        return cls(form, because, layout, bundle, features, final)

    @classmethod
    def as_it_is(cls, bundle: Bundle, because: str) -> "Compiled":
        """Return what predicts as scikit-learn does."""
        return cls("as_it_is", because, Layout(bundle.schema.features), bundle)

    def outputs(self, rows: Rows) -> Outputs:
        """Return values of shape (n,) for regression, else probabilities of shape (n, k)."""
        if self.features is None or self.final is None:
            return self.bundle.outputs(rows.frame(self.layout))
        return np.asarray(self.final(self.features(rows)), dtype=np.float64)


def _in_order(final: Final, classes: object, schema: Schema) -> Final:
    """Put probabilities in the order of the schema's classes, with 0 for those never taught."""
    known = [str(label) for label in np.asarray(classes)]
    if known == list(schema.classes):
        return final
    places = [schema.classes.index(label) for label in known]

    def spread(X: Outputs) -> Outputs:
        outputs = np.zeros((len(X), len(schema.classes)))
        outputs[:, places] = final(X)
        return outputs

    return spread
