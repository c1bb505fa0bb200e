"""HTML that cannot be broken by a name: every text is escaped unless an element made it."""

from collections.abc import Iterable
from html import escape

VOID = {"br", "col", "hr", "link", "meta"}


class Html(str):
    """Markup that is safe to insert as it is; any other string is text."""

    __slots__ = ()


Child = Html | str | None


def element(name: str, /, *children: Child, **attributes: str | bool | None) -> Html:
    """`<name ...>children</name>`; `class_` is class, `data_figure` is data-figure, None leaves a part out."""
    said = "".join(_attribute(key, value) for key, value in attributes.items() if value not in (None, False))
    opened = f"<{name}{said}>"
    return Html(opened if name in VOID else f"{opened}{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """The children one after the other, texts escaped."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children if child is not None))


def table(head: Iterable[Child], rows: Iterable[Iterable[Child]], numeric: int = 1, class_: str | None = None) -> Html:
    """A table that scrolls by itself when it is wide; columns from `numeric` on are numbers, aligned to the right."""
    heads = (
        element("th", title, scope="col", class_="number" if column >= numeric else None)
        for column, title in enumerate(head)
    )
    lines = (element("tr", *_row(list(row), numeric)) for row in rows)
    inner = element("table", element("thead", element("tr", *heads)), element("tbody", *lines), class_=class_)
    return element("div", inner, class_="scroll", tabindex="0", role="region", aria_label="table")


def _row(cells: list[Child], numeric: int) -> Iterable[Html]:
    yield element("th", cells[0], scope="row")
    for column, cell in enumerate(cells[1:], start=1):
        yield element("td", cell, class_="number" if column >= numeric else None)


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
