"""Detectors: a reference x a window -> statistic, p-value and effect.

A detector of ``DETECTORS`` compares one feature: it is a function of two ``factory.profile``
summaries that returns a ``factory.detectors.finding.Finding``. It is one line in the table, and
one word in ``READS`` for each kind of feature that it reads. ``check.detectors`` names the one
that is used; those of ``ALWAYS`` run beside it. A text or an image is one feature, compared by an
embedding and a test, such as ``uae_ks``. Dates are checked for missing values only: they move by
their nature.

A detector of ``JOINT`` compares all features together: it is a function of two canonical
tables, their schema and a seed, and what it returns has ``statistic``, ``p_value`` and
``effect``.

A detector of ``BEHAVIOUR`` looks at what the champion says of rows: it is a function of two
tables with outputs, their schema and a seed, and returns a ``Finding`` (see
``factory.detectors.behaviour``).

``PLUGINS`` and ``JOINT_PLUGINS`` are the same of other libraries, named ``library:Class``; they are
imported when they are used, and need the library.
"""

from collections.abc import Mapping

DETECTORS: Mapping[str, str] = {
    "chi2": "factory.detectors.chi2:chi2",
    "cvm": "factory.detectors.cvm:cvm",
    "hellinger": "factory.detectors.hellinger:hellinger",
    "js": "factory.detectors.js:js",
    "ks": "factory.detectors.ks:ks",
    "length": "factory.detectors.words:length",
    "lsa_classifier": "factory.detectors.embedded:lsa_classifier",
    "lsa_ks": "factory.detectors.embedded:lsa_ks",
    "lsa_mmd": "factory.detectors.embedded:lsa_mmd",
    "missing": "factory.detectors.shares:missing",
    "new_words": "factory.detectors.words:new_words",
    "pca_classifier": "factory.detectors.embedded:pca_classifier",
    "pca_ks": "factory.detectors.embedded:pca_ks",
    "pca_mmd": "factory.detectors.embedded:pca_mmd",
    "psi": "factory.detectors.psi:psi",
    "tv": "factory.detectors.tv:tv",
    "uae_classifier": "factory.detectors.embedded:uae_classifier",
    "uae_ks": "factory.detectors.embedded:uae_ks",
    "uae_mmd": "factory.detectors.embedded:uae_mmd",
    "unseen": "factory.detectors.shares:unseen",
    "wasserstein": "factory.detectors.wasserstein:wasserstein",
}
JOINT: Mapping[str, str] = {
    "autoencoder": "factory.detectors.autoencoder:autoencoder",
    "domain_classifier": "factory.detectors.domain:domain_classifier",
    "mmd": "factory.detectors.mmd:mmd",
    "pca": "factory.detectors.pca:pca",
}
BEHAVIOUR: Mapping[str, str] = {
    "bbsd": "factory.detectors.behaviour:bbsd",
    "student": "factory.detectors.behaviour:student",
}
PLUGINS: Mapping[str, str] = {
    "alibi:CVMDrift": "factory.detectors.alibi:cvm_drift",
    "alibi:ChiSquareDrift": "factory.detectors.alibi:chi_square_drift",
    "alibi:KSDrift": "factory.detectors.alibi:ks_drift",
}
JOINT_PLUGINS: Mapping[str, str] = {
    "alibi:ClassifierDrift": "factory.detectors.alibi_joint:classifier_drift",
    "alibi:LSDDDrift": "factory.detectors.alibi_joint:lsdd_drift",
    "alibi:LearnedKernelDrift": "factory.detectors.alibi_joint:learned_kernel_drift",
    "alibi:MMDDrift": "factory.detectors.alibi_joint:mmd_drift",
    "alibi:SpotTheDiffDrift": "factory.detectors.alibi_joint:spot_the_diff_drift",
    "alibi:TabularDrift": "factory.detectors.alibi_tabular:tabular_drift",
}
PLUGINS_READ: Mapping[str, tuple[str, ...]] = {
    "number": ("alibi:KSDrift", "alibi:CVMDrift"),
    "category": ("alibi:ChiSquareDrift",),
    "joint": tuple(JOINT_PLUGINS),
}
RANKED = frozenset(
    {"cvm", "ks", "length", "new_words", "wasserstein", "alibi:CVMDrift", "alibi:KSDrift"}
)
"""Detectors that compare distribution functions; the others compare shares."""
READS: Mapping[str, tuple[str, ...]] = {
    "number": ("ks", "cvm", "wasserstein", "psi", "js", "hellinger"),
    "category": ("chi2", "tv", "psi", "js", "hellinger"),
    "text": ("lsa_ks", "lsa_mmd", "lsa_classifier"),
    "image": (
        "uae_ks",
        "uae_mmd",
        "uae_classifier",
        "pca_ks",
        "pca_mmd",
        "pca_classifier",
    ),
}
ALWAYS: Mapping[str, tuple[str, ...]] = {
    "number": ("missing",),
    "category": ("missing", "unseen"),
    "date": ("missing",),
    "text": ("missing", "length", "new_words"),
    "image": ("missing",),
}
