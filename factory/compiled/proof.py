"""The proof that a compiled pipeline says what scikit-learn says, row by row and all at once."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from factory.bundle import Bundle
from factory.compiled.pipeline import Compiled, Form
from factory.compiled.rows import Rows
from factory.nouns import Outputs

TOLERANCE = 1e-12
"""Largest difference that is still equal: the last bits of sums that were added in other orders."""
SINGLE, HARMED = 50, 200
"""Rows that are predicted one by one, and rows of which a third of the cells is damaged."""
DAMAGE = (np.nan, np.inf, -np.inf, 1e300, 0.0)
UNKNOWN = "\x00none of them"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was chosen for a version, and why it may be.

    Attributes:
        form: what it is served as.
        because: why it is not compiled more; empty where all of it is.
        rows: reference rows that were predicted in both forms.
        harmed: damaged copies of reference rows that were, too; 0 where scikit-learn refuses them.
        largest_difference: between the two on any of them: of probabilities as it is, of values
            relative to the value, or to the mean absolute one where that is larger. None where
            nothing was compared.
        where: machine, libraries and code that it holds for.
    """

    form: Form
    because: str
    rows: int
    harmed: int
    largest_difference: float | None
    where: str = ""


def proved(bundle: Bundle, seed: int = 0, where: str = "") -> tuple[Compiled, Proof]:
    """Compile a bundle, and hold it against scikit-learn on its whole reference.

    A form that differs by more than 1e-12 anywhere is not used. Beside the reference rows, a few
    are predicted one by one, and a few with cells missing, infinite, huge or never seen.

    Args:
        bundle: what to serve.
        seed: of the damage.
        where: told in the proof.
    """
    try:
        compiled = Compiled.of(bundle)
        if compiled.form == "as_it_is":
            return compiled, Proof("as_it_is", compiled.because, 0, 0, None, where)
        difference, harmed = _difference(compiled, bundle, seed)
        because = f"the outputs differ by {difference:.1e}" if difference > TOLERANCE else ""
    except Exception as error:  # noqa: BLE001 - whatever a compiled form does wrong, it is not used
        difference, harmed, because = np.inf, 0, f"{type(error).__name__}: {error}"
    if because:
        return Compiled.as_it_is(bundle, because), Proof("as_it_is", because, 0, 0, None, where)
    rows = len(bundle.reference)
    told = Proof(compiled.form, compiled.because, rows, harmed, float(difference), where)
    return compiled, told


def trusted(bundle: Bundle, proof: Proof) -> Compiled | None:
    """Return the form that a proof speaks of, without proving it again.

    Args:
        bundle: as it was when the proof was made.
        proof: made on such a machine, with the same libraries and code.

    Returns:
        None where another form comes out, which then wants a proof of its own.
    """
    if proof.form == "as_it_is":
        return Compiled.as_it_is(bundle, proof.because)
    compiled = Compiled.of(bundle)
    return compiled if compiled.form == proof.form else None


def harmed_rows(frame: pd.DataFrame, bundle: Bundle, seed: int) -> pd.DataFrame:
    """Return canonical rows with a third of their cells missing, infinite, huge or unseen."""
    rng = np.random.default_rng(seed)
    harmed = {}
    for column in bundle.schema.features:
        values = frame[column.name].to_numpy(copy=True)
        hit = rng.random(len(values)) < 1 / 3
        match column.kind:
            case "number":
                values[hit] = rng.choice(DAMAGE, size=int(hit.sum()))
            case "category" | "text" | "image":
                values[hit] = rng.choice(np.array([None, UNKNOWN], object), size=int(hit.sum()))
            case "date":
                values[hit] = np.datetime64("NaT")
        harmed[column.name] = values
    return pd.DataFrame(harmed, index=range(len(frame)))


def _difference(compiled: Compiled, bundle: Bundle, seed: int) -> tuple[float, int]:
    reference, layout = bundle.reference, compiled.layout
    known = np.asarray(bundle.own_outputs, dtype=np.float64)
    together = compiled.outputs(Rows.of(reference, layout))
    scale = float(np.abs(known).mean()) if known.ndim == 1 and len(known) else 1.0
    singles = [
        compiled.outputs(Rows.of(reference.iloc[i : i + 1], layout))
        for i in range(min(SINGLE, len(reference)))
    ]
    pairs = [(together, known)]
    if singles:
        pairs.append((np.concatenate(singles), known[: len(singles)]))
    damaged = _bearable(harmed_rows(reference.head(HARMED), bundle, seed), bundle)
    if damaged is not None:
        rows, expected = damaged
        pairs.append((compiled.outputs(Rows.of(rows, layout)), expected))
    return max(_apart(a, b, scale) for a, b in pairs), len(damaged[0]) if damaged else 0


def _bearable(rows: pd.DataFrame, bundle: Bundle) -> tuple[pd.DataFrame, Outputs] | None:
    """Return rows that scikit-learn takes, with what it says: without what is infinite if need be.

    A pipeline that was not made here may refuse infinite or missing values.
    """
    for one in (rows, rows.replace([np.inf, -np.inf, 1e300], np.nan)):
        try:
            return one, bundle.outputs(one)
        except ValueError:
            continue
    return None


def _apart(ours: Outputs, theirs: Outputs, scale: float) -> float:
    if ours.shape != theirs.shape:
        return np.inf
    size = np.maximum(np.abs(theirs), scale) if theirs.ndim == 1 else np.ones_like(theirs)
    gaps = np.abs(ours - theirs) / np.where(size == 0, 1.0, size)
    both_missing = np.isnan(ours) & np.isnan(theirs)
    return float(np.where(both_missing, 0.0, np.where(np.isnan(gaps), np.inf, gaps)).max(initial=0))
