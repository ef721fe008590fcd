"""HTML and SVG as values: what is not marked as markup is escaped."""

import html
from collections.abc import Iterable

_VOID = frozenset({"meta", "link", "br", "img"})


class Markup(str):
    """Text that is HTML or SVG already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """Write one element.

    Args:
        name: the element's.
        children: ``Markup`` stays as it is, any other string is escaped.
        attributes: a trailing underscore is cut and inner ones become hyphens; None is left out,
            and a number keeps two decimals at most.

    >>> tag("p", "a < b", tag("b", "c"), class_="note", data_label='"d"')
    '<p class="note" data-label="&quot;d&quot;">a &lt; b<b>c</b></p>'
    """
    words = [name]
    for key, value in attributes.items():
        if value is not None:
            plain = f"{round(value, 2):g}" if isinstance(value, int | float) else value
            words.append(f'{key.rstrip("_").replace("_", "-")}="{html.escape(plain)}"')
    opening = f"<{' '.join(words)}>"
    return Markup(opening if name in _VOID else f"{opening}{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Put parts one after another; what is not markup is escaped.

    >>> join(["<", Markup("<br>")])
    '&lt;<br>'
    """
    return Markup("".join(p if isinstance(p, Markup) else html.escape(p) for p in parts))
