"""Versions in their fastest form, proved once."""

from factory.bundle import Bundle
from factory.compiled.pipeline import Compiled
from factory.compiled.proof import Proof, proved, trusted
from registry.proofs import here
from registry.registered import Versions


def compiled_version(models: Versions, name: str, number: int) -> tuple[Bundle, Compiled, Proof]:
    """Return a version in its fastest form.

    The proof that is kept with it stands where it was made on such a processor with the same
    libraries and code, since nothing could come out differently; else it is made again.

    Raises:
        UnknownModel: there is no such version.
        Unavailable: its files are gone or damaged.
    """
    bundle, kept = models.load(name, number), models.proof(name, number)
    if kept is not None and kept.where == here():
        compiled = trusted(bundle, kept)
        if compiled is not None:
            return bundle, compiled, kept
    return bundle, *proved(bundle, where=here())
