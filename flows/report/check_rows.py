"""Tables that become cards where the page is narrow."""

from collections.abc import Sequence

from flows.report.markup import Markup, tag

Cell = tuple[str, str, str]
"""A column's name, its kind, and what the cell holds."""


def row(cells: Sequence[Cell]) -> Markup:
    """Write one row; each cell carries its column's name for narrow pages."""
    return tag(
        "tr",
        *(
            tag("td", tag("div", content), data_label=name, class_=kind or None)
            for name, kind, content in cells
        ),
    )


def table(kind: str, names: Sequence[str], rows: Sequence[Markup]) -> Markup:
    """Write a table with a head."""
    head = tag("tr", *(tag("th", name, scope="col") for name in names))
    return tag("table", tag("thead", head), tag("tbody", *rows), class_=kind)


def table_of(kind: str, rows: Sequence[Sequence[Cell]]) -> Markup:
    """Write a table whose head is the names of the first row's cells."""
    names = [name for name, _, _ in rows[0]]
    return table(kind, names, [row(cells) for cells in rows])


def folded(kind: str, rows: Sequence[Sequence[Cell]], most: int, what: str) -> list[Markup]:
    """Write the first rows as a table, and all others as one that is folded away."""
    parts = [table_of(kind, rows[:most])] if rows else []
    if len(rows) > most:
        words = f"{len(rows) - most:,} more {what}"
        parts.append(tag("details", tag("summary", words), table_of(kind, rows[most:])))
    return parts
