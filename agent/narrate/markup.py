"""HTML that cannot be injected into: every text is escaped unless this module built it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from failsight.tools.text import clean

_VOID = {"meta", "img", "br", "hr", "input", "col"}
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]*\Z")
_RTL = re.compile(
    r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]+(?:[ -][\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]+)*"
)
MOST_TEXT = 8000


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | Html | None


def text(value: object) -> Html:
    """``value`` as escaped text; right-to-left words are isolated so that they do not reorder what stands beside them."""
    if isinstance(value, Html):
        return value
    escaped = html.escape(clean(value, MOST_TEXT), quote=True)
    return Html(_RTL.sub(lambda m: f"<bdi>{m[0]}</bdi>", escaped))


def attribute(value: object) -> str:
    """``value`` inside double quotes; data URIs come as :class:`Html` and stay whole."""
    if isinstance(value, Html):
        return html.escape(value, quote=True)
    return html.escape(clean(value, MOST_TEXT), quote=True)


def el(tag: str, *children: Child | Iterable[Child], **attributes: str | int | bool | None) -> Html:
    """An element. ``class_`` is ``class``, ``_`` in names is ``-``; False and None attributes are left out."""
    parts = [tag]
    for name, value in attributes.items():
        name = name.rstrip("_").replace("_", "-")
        if not _NAME.match(name):
            raise ValueError(f"no attribute can be called {name!r}")
        if value is True:
            parts.append(name)
        elif value is not None and value is not False:
            parts.append(f'{name}="{attribute(value)}"')
    opened = f"<{' '.join(parts)}>"
    return Html(opened) if tag in _VOID else Html(f"{opened}{join(*children)}</{tag}>")


def join(*children: Child | Iterable[Child]) -> Html:
    """Children one after the other; plain strings are escaped."""
    made = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, str):
            made.append(_keep_edges(child))
        else:
            made.append(join(*child))
    return Html("".join(made))


def _keep_edges(child: str) -> str:
    if isinstance(child, Html):
        return child
    lead = " " if child[:1].isspace() else ""
    tail = " " if child[-1:].isspace() and child.strip() else ""
    return f"{lead}{text(child)}{tail}"
