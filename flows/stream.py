"""Windows larger than memory: their parts are looked at one by one."""

from collections.abc import Iterable

from factory.bundle import Bundle
from factory.errors import BadData
from factory.nouns import Window
from factory.stream import Seen, Whole, merge, see, whole
from registry.parts import Part, parts_of, read_part
from registry.pictures import with_pictures
from registry.sources import to_window
from registry.tables import to_frame

CELLS = 100_000_000
"""Cells from which a window is not read as a whole."""


def large(location: str) -> tuple[Part, ...]:
    """Return the parts of a table that is too large to be read as a whole, none of another."""
    parts = parts_of(location)
    return parts if sum(part.rows * part.columns for part in parts) > CELLS else ()


def look(parts: Iterable[Part], bundle: Bundle) -> Seen | None:
    """Return what is kept of some parts' rows, holding few of them at a time.

    Returns:
        None where there are no rows.
    """
    seed = int(bundle.config.get("seed", 0))
    found: Seen | None = None
    for part in parts:
        for piece, table in enumerate(read_part(part)):
            if len(table) == 0:
                continue
            raw = with_pictures(to_frame(table), bundle.whole.features, part.file)
            window = to_window(raw, bundle.schema, bundle.whole)
            place = part.number, piece
            seen = see(bundle.profile, window, bundle.schema, place=place, seed=seed)
            found = seen if found is None else merge([found, seen], bundle.profile)
    return found


def gather(seen: Iterable[Seen | None], bundle: Bundle) -> tuple[Window, Whole]:
    """Return what the parts of a window say together: a sample of its rows, and the whole.

    Raises:
        BadData: there are no rows.
    """
    found = [one for one in seen if one is not None]
    if not found:
        raise BadData("The window has no rows.", hint="give a table with rows")
    return whole(merge(found, bundle.profile), bundle.schema, bundle.profile)
