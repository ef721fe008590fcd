"""What a user may have meant."""

import difflib
from collections.abc import Iterable

SHOWN = 12


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint: the known name nearest to one that is unknown, else the known ones.

    >>> nearest("prise", ["price", "size"])
    "did you mean 'price'?"
    >>> nearest("weight", ["price", "size"])
    "known: 'price', 'size'"
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    folded = [other for other in names if other.strip().casefold() == name.strip().casefold()]
    if near or folded:
        return f"did you mean {(folded or near)[0]!r}?"
    if not names:
        return "there are none"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"known: {', '.join(map(repr, names[:SHOWN]))}{more}"
