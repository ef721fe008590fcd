"""Windows larger than memory: what each part leaves behind, and what the parts say together.

Drift and quality rest on every row. What needs whole rows, such as predictions, the joint test
and performance, rests on a sample of them, drawn evenly; so does the drift of texts and images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import pandas as pd

from factory.nouns import Damage, DataVersion, Floats, Problem, Schema, Window
from factory.profile import Profile
from factory.quality import inspect
from factory.sketch import Sketch

SAMPLE = 20_000
"""Rows that are kept whole."""
Found = Mapping[tuple[str, Damage], tuple[float, Problem]]
"""Per feature and problem the rows touched, and the problem as it was first met."""


@dataclass(frozen=True, eq=False)
class Whole:
    """What is known of all rows of a window of which only a sample is at hand."""

    profile: Profile
    problems: tuple[Problem, ...]


@dataclass(frozen=True, eq=False)
class Seen:
    """What is kept of rows that are gone.

    Attributes:
        sketch: of their features.
        found: what is damaged.
        sample: some of the rows, canonical, at most 20,000.
        lots: the number each of those drew, shape (rows,); the smallest of all were kept.
        digests: content hashes of the pieces, by the piece's place in the window.
        start: first moment among the rows, None without a timestamp.
        end: last one.
    """

    sketch: Sketch
    found: Found
    sample: pd.DataFrame
    lots: Floats
    digests: Mapping[tuple[int, int], str]
    start: str | None = None
    end: str | None = None


def see(
    reference: Profile, window: Window, schema: Schema, *, place: tuple[int, int], seed: int
) -> Seen:
    """Look at a piece of a window.

    Args:
        reference: the reference's profile.
        window: the piece.
        schema: its columns.
        place: where in the window it stands: number of the part, and of the piece in it.
        seed: of the sample, the same for all pieces of a window.
    """
    profile = Profile.of(window.frame, schema)
    problems, _ = inspect(reference, profile, window, schema)
    rows = len(window.frame)
    lots = np.random.default_rng([seed, *place]).random(rows)
    kept = np.sort(np.argpartition(lots, SAMPLE)[:SAMPLE]) if rows > SAMPLE else np.arange(rows)
    version = window.version
    return Seen(
        sketch=Sketch.of(profile, reference),
        found={(p.feature, p.problem): (p.share * rows, p) for p in problems},
        sample=window.frame.iloc[kept].reset_index(drop=True),
        lots=lots[kept],
        digests={place: version.sha256},
        start=version.start,
        end=version.end,
    )


def merge(seen: Sequence[Seen], reference: Profile) -> Seen:
    """Return what is kept of several pieces' rows together; their order makes no difference.

    Args:
        seen: one piece at least.
        reference: the reference's profile.
    """
    seen = sorted(seen, key=lambda one: min(one.digests))
    sketch = seen[0].sketch
    found: dict[tuple[str, Damage], tuple[float, Problem]] = {}
    for number, one in enumerate(seen):
        sketch = sketch.merge(one.sketch, reference) if number else sketch
        for key, (rows, problem) in one.found.items():
            before, first = found.get(key, (0.0, problem))
            found[key] = before + rows, first
    lots = np.concatenate([one.lots for one in seen])
    last = np.partition(lots, SAMPLE - 1)[SAMPLE - 1] if len(lots) > SAMPLE else 1.0
    frame = pd.concat([one.sample.loc[one.lots <= last] for one in seen], ignore_index=True)
    return Seen(
        sketch=sketch,
        found=found,
        sample=frame,
        lots=lots[lots <= last],
        digests={place: digest for one in seen for place, digest in one.digests.items()},
        start=min((one.start for one in seen if one.start is not None), default=None),
        end=max((one.end for one in seen if one.end is not None), default=None),
    )


def whole(seen: Seen, schema: Schema, reference: Profile) -> tuple[Window, Whole]:
    """Return the sample as a window that bears the version of all rows, and what they told.

    The content hash is that of the pieces' hashes in their order.
    """
    digest = sha256()
    for _, one in sorted(seen.digests.items()):
        digest.update(bytes.fromhex(one))
    rows = seen.sketch.rows
    version = DataVersion(digest.hexdigest(), rows, seen.start, seen.end)
    frame = seen.sample
    if schema.timestamp is not None:
        frame = frame.sort_values(schema.timestamp, kind="stable", ignore_index=True)
    problems = tuple(
        replace(problem, share=touched / rows) for touched, problem in seen.found.values()
    )
    return Window(frame, version), Whole(_profile(seen.sketch, frame, schema, reference), problems)


def _profile(sketch: Sketch, sample: pd.DataFrame, schema: Schema, reference: Profile) -> Profile:
    """Return the profile of all rows; of texts and images the sample tells what they hold."""
    found = sketch.profile(reference)
    embedded = schema.reading(tuple(column for column in schema.features if column.embedded))
    held = Profile.of(sample, embedded).features
    return replace(found, features={**found.features, **held})
