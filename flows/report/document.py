"""A page that stands alone: its head, its styles, its sections."""

from collections.abc import Iterable
from importlib.resources import files

from flows.report.markup import Markup, tag


def document(title: str, sections: Iterable[Markup | None], kind: str) -> str:
    """Return a whole page of HTML, without the sections that are None.

    Args:
        title: of the page.
        sections: its body, in order.
        kind: the body's class, and the name of the style sheet beside the common one.
    """
    styles = files("flows.report")
    style = "".join(
        styles.joinpath(f"{name}.css").read_text(encoding="utf-8") for name in ("style", kind)
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    body = tag("body", tag("main", *(s for s in sections if s is not None)), class_=kind)
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"
