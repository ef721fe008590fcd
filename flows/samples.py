"""Two tables to hand to another library: small, and without what it would choke on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from factory.bundle import Bundle
from factory.nouns import EMBEDDED, Outputs

PREDICTION = "prediction"
"""Column of what the model says."""
_HARMLESS = str.maketrans({"<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
                           ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"})  # fmt: skip


@dataclass(frozen=True)
class Sides:
    """Rows of the reference and of the window, with the same columns.

    Attributes:
        reference: the reference's rows.
        window: the window's rows.
        numbers: columns of numbers, NaN where there is none.
        categories: columns of text, None where there is none.
        left_out: columns that could not be handed over, with the reason.
    """

    reference: pd.DataFrame
    window: pd.DataFrame
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    left_out: dict[str, str] = field(default_factory=dict)


def sides(
    champion: Bundle, frame: pd.DataFrame, outputs: Outputs, *, rows: int, seed: int
) -> Sides:
    """Draw rows of the reference and of a window, in their order.

    Infinite numbers are missing in them. Angle brackets in names and values become single
    quotation marks, since libraries write both into pages of HTML without escaping them.

    Args:
        champion: whose reference it is.
        frame: the window's canonical rows.
        outputs: the champion's on all of them, shape (n,) or (n, k).
        rows: of each side, at most.
        seed: of the draw.

    Returns:
        The features that both sides have, what the model says, and the target where some of
        the window's labels are known. Dates, and what has no value on one side, are left out.
    """
    schema = champion.schema
    pair = []
    for table, said in ((champion.reference, champion.reference_outputs), (frame, outputs)):
        drawn = _drawn(len(table), rows, seed)
        names = [name for name in (*schema.names, schema.target) if name in table]
        part = table[names].iloc[drawn].reset_index(drop=True).replace([np.inf, -np.inf], np.nan)
        part[_free(PREDICTION, names)] = _said(champion, said[drawn])
        pair.append(part)
    kinds = {column.name: column.kind for column in schema.features}
    whole = "category" if schema.classes else "number"
    numbers: list[str] = []
    categories: list[str] = []
    left_out: dict[str, str] = {}
    for name in pair[0].columns:
        kind = kinds.get(name, whole)
        if name not in pair[1] or any(side[name].isna().all() for side in pair):
            left_out[name] = "it has no value on one side"
        elif kind == "date":
            left_out[name] = "it is a date"
        elif kind in EMBEDDED:
            left_out[name] = f"it is a {kind}"
        else:
            (numbers if kind == "number" else categories).append(name)
    kept = [*numbers, *categories]
    spelled = _spelled(kept)
    reference, window = (_harmless(side[kept], numbers).rename(columns=spelled) for side in pair)
    return Sides(
        reference, window,
        tuple(spelled[n] for n in numbers), tuple(spelled[n] for n in categories), left_out,
    )  # fmt: skip


def _drawn(n: int, rows: int, seed: int) -> NDArray[np.intp]:
    if n <= rows:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, size=rows, replace=False))


def _said(champion: Bundle, outputs: Outputs) -> NDArray[Any]:
    classes = champion.schema.classes
    return np.array(classes, dtype=object)[outputs.argmax(axis=1)] if classes else outputs


def _free(name: str, taken: list[str]) -> str:
    while name in taken:
        name = f"{name}_"
    return name


def _spelled(names: list[str]) -> dict[str, str]:
    spelled: dict[str, str] = {}
    for name in names:
        spelled[name] = _free(name.translate(_HARMLESS), list(spelled.values()))
    return spelled


def _harmless(side: pd.DataFrame, numbers: list[str]) -> pd.DataFrame:
    columns = {}
    for name in side.columns:
        values = side[name]
        if name in numbers:
            columns[name] = values
        else:
            known = {v: str(v).translate(_HARMLESS) for v in values.dropna().unique()}
            columns[name] = values.map(known).astype(object).where(values.notna(), None)
    return pd.DataFrame(columns)
