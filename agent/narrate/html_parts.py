"""Parts of the HTML report: sentences, tables, finding cards, pieces of evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from failsight.agent.narrate.audiences import ALL, readers
from failsight.agent.narrate.charts import Mark, interval_chart
from failsight.agent.narrate.markup import Html, el, join
from failsight.agent.narrate.model import Card, Exhibit, Experiment, Section, Sentence
from failsight.agent.narrate.pictures import figure_uri, shows_pictures, thumbnail_uri
from failsight.agent.narrate.words import VERDICTS, answer, capital, cell, image_name
from failsight.tools.evidence import Evidence, Figure, ImageRef, Table
from failsight.tools.faces import finding_text
from failsight.tools.text import clean, counted, interval, number

MOST_ROWS = 60
WITHHELD = "Picture withheld."
MOST_LETTERS = 80  # of the longest words of a row, that fit a printed page side by side


@dataclass
class Desk:
    """Where pictures come from, the anchor of each that the page shows already (each is embedded once), and for whom it is.

    Without an ``audience`` the page holds the parts of all, and the reader chooses; ``withhold`` leaves pictures out.
    """

    folder: Path
    config: Mapping[str, Any]
    audience: str = ""
    withhold: bool = False
    shown: dict[str, str] = field(default_factory=dict)

    def gives(self, part: str) -> bool:
        """Whether the page has this part at all."""
        return not self.audience or self.audience in readers(part)

    def mark(self, part: str, classes: str = "") -> str | None:
        """The class attribute of a part: by it the page shows it to its readers only."""
        whose = readers(part)
        if not self.audience and len(whose) < len(ALL):
            classes = " ".join((classes, "for", *(f"for-{w}" for w in whose)))
        return classes.strip() or None


def badge(verdict: str | None) -> Html:
    """A verdict as a coloured word; the word alone says it."""
    return el("span", VERDICTS[verdict][0], class_=f"badge {verdict or 'open'}")


def refs(names: Iterable[str]) -> Html:
    """Links to what a sentence rests on."""
    made: list[Html] = []
    for name in dict.fromkeys(n for n in names if n):
        target, shown = (f"event-{name[1:]}", f"event {name[1:]}") if name.startswith("#") else (name, name)
        made.append(el("a", shown, class_="ref", href=f"#{target}"))
    return join(" ", el("span", *_between(made, ", "), class_="refs")) if made else Html("")


def _between(parts: Sequence[Html], mark: str) -> list[Html]:
    return [p for i, part in enumerate(parts) for p in ((Html(mark), part) if i else (part,))]


def said(sentence: Sentence) -> Html:
    """A sentence with its references."""
    return join(sentence.text, refs(sentence.refs))


def terms(pairs: Iterable[tuple[str, Sentence | str]]) -> Html:
    """Labelled sentences."""
    rows = [
        el("div", el("dt", label), el("dd", said(value) if isinstance(value, Sentence) else value))
        for label, value in pairs
    ]
    return el("dl", *rows, class_="terms") if rows else Html("")


def points(sentences: Iterable[Sentence]) -> Html:
    """A list of sentences."""
    items = [el("li", said(s)) for s in sentences]
    return el("ul", *items, class_="points") if items else Html("")


def plain_list(title: str, texts: Sequence[str], level: str = "h4") -> Html:
    """A titled list of plain texts; nothing without texts."""
    return (
        join(el(level, title), el("ul", *(el("li", t) for t in texts), class_="points"))
        if texts
        else Html("")
    )


def table(made: Table, *, most: int = MOST_ROWS, anchors: str = "", links: bool = False) -> Html:
    """A table with caption and scopes, in a region that scrolls sideways on narrow screens.

    ``anchors`` gives each row an id made of it and its first cell; with ``links`` the first cell leads to the part of
    the page that has its text as id.
    """
    numeric = [i < len(made.units) and made.units[i] != "text" for i in range(len(made.columns))]
    head = el(
        "tr",
        *(el("th", c, scope="col", class_="n" if numeric[i] else None) for i, c in enumerate(made.columns)),
    )
    rows = []
    for row in made.rows[:most]:
        cells = [
            el(
                "th" if i == 0 else "td",
                el("a", str(v), href=f"#{v}") if links and i == 0 else cell(made, i, v),
                scope="row" if i == 0 else None,
                class_="n" if numeric[i] else None,
            )
            for i, v in enumerate(row)
        ]
        rows.append(el("tr", *cells, id=f"{anchors}{row[0]}" if anchors else None))
    left = len(made.rows) - most
    caption = clean(made.title) + (f". {clean(made.caption, 400)}" if made.caption else "")
    more = (
        el("p", f"{counted(left, 'more row stands', 'more rows stand')} in the evidence.", class_="small")
        if left > 0
        else None
    )
    region = el(
        "div",
        el("table", el("caption", el("span", caption)), el("thead", head), el("tbody", *rows)),
        class_=_fit(made, most), role="group", aria_label=clean(made.title, 120), tabindex="0",
    )  # fmt: skip
    return join(region, more)


def _fit(made: Table, most: int) -> str:
    """How hard the table is to print: by the longest words of its columns, side by side."""
    cells = ((c, *(cell(made, i, r[i]) for r in made.rows[:most])) for i, c in enumerate(made.columns))
    letters = sum(max(len(word) for text in column for word in text.split() or [""]) for column in cells)
    return "scroll" + (" huge" if letters > 2 * MOST_LETTERS else " tight" if letters > MOST_LETTERS else "")


def figure(desk: Desk, made: Figure, refs_: Iterable[str] = ()) -> Html:
    """A figure with caption; shown a second time it is a link to the first; when its file is gone, its description."""
    caption = el("figcaption", clean(made.caption or made.title, 600), refs(refs_))
    if made.path in desk.shown:
        link = el("a", clean(made.title, 200) or "above", href=f"#{desk.shown[made.path]}")
        return el("p", "Figure, shown above: ", link, class_="small")
    if desk.withhold and shows_pictures(desk.folder, made):
        return el(
            "figure", el("p", f"{WITHHELD} It showed: {clean(made.alt, 600)}", class_="missing"), caption
        )
    found = figure_uri(desk.folder, made)
    if found is None:
        return el(
            "figure",
            el("p", f"Picture missing. It showed: {clean(made.alt, 600)}", class_="missing"),
            caption,
        )
    uri, width, height = found
    name = desk.shown[made.path] = f"figure-{len(desk.shown) + 1}"
    image = el("img", src=Html(uri), alt=clean(made.alt, 600), width=width or None, height=height or None)
    return el("figure", image, caption, id=name)


def gallery(desk: Desk, images: Sequence[tuple[str, ImageRef]]) -> Html:
    """Example images as thumbnails with label, prediction and confidence."""
    items = []
    for _, image in images:
        found = None if desk.withhold else thumbnail_uri(desk.config, image)
        words = " · ".join(p for p in (clean(image.caption, 120), answer(image)) if p)
        alt = f"{image_name(image, desk.withhold)}: {words}"
        shown = (
            el("img", src=Html(found[0]), alt=alt, width=found[1], height=found[2])
            if found
            else el("span", WITHHELD if desk.withhold else image.path, class_="missing")
        )
        items.append(el("li", shown, el("span", words, class_="small")))
    return el("ul", *items, class_="gallery") if items else Html("")


def finding_card(desk: Desk, card: Card) -> Html:
    """One finding; how it was tested is for developers."""
    title = f"{card.id}-title"
    over = el(
        "p",
        badge(card.verdict),
        el("span", f"{card.id} · {card.kind}", class_="kind"),
        el("span", capital(card.repaired), class_="badge") if card.repaired else None,
        el("span", f"Of {card.before}", class_="badge") if card.before else None,
        class_="over",
    )
    light, deep = [t for t in card.terms if t[0] == "Where"], [t for t in card.terms if t[0] != "Where"]
    parts: list[Html | None] = [
        over,
        el("h3", card.statement, id=title),
        el("p", card.meaning, class_="meaning") if card.meaning else None,
        _rates(card),
        terms(light),
    ]
    if desk.gives("deep"):
        tested = (terms(deep), _chain(card), *(_experiment(e) for e in card.experiments))
        parts.append(el("div", *tested, class_=desk.mark("deep")))
    parts += [figure(desk, f, (name,)) for name, f in card.figures]
    if card.images:
        parts.append(gallery(desk, card.images))
    if card.repairs:
        parts += [el("h4", "What was done"), points(card.repairs)]
    if card.corrections and desk.gives("corrections"):
        heading = el("h4", "What else could be done" if card.repairs else "What could be done")
        parts.append(el("div", heading, points(card.corrections), class_=desk.mark("corrections")))
    return el("article", *parts, id=card.id, class_=f"card {card.verdict or 'open'}", aria_labelledby=title)


def _chain(card: Card) -> Html | None:
    """The way from hypothesis to verdict, folded: each link leads to what it rests on."""
    if not card.chain:
        return None
    links = [
        el("li", el("span", stage, class_=f"stage {stage.lower()}"), " ", said(text))
        for stage, text in card.chain
    ]
    return el("details", el("summary", "How it came to its verdict"), el("ol", *links), class_="chain")


def _rates(card: Card) -> Html | None:
    if not card.rates:
        return None
    marks = [
        Mark(label, value, ci, "main" if i == 0 else "other")
        for i, (label, value, ci) in enumerate(card.rates)
    ]
    alt = f"{card.rates_title}: " + "; ".join(
        f"{m.label} {number(m.value)} {interval(m.ci)}".strip() for m in marks
    )
    return el(
        "figure",
        el("figcaption", card.rates_title),
        interval_chart(marks, unit="share", alt=alt),
        class_="plot",
    )


def _experiment(made: Experiment) -> Html:
    test = made.result
    marks = [Mark("effect", test.effect, test.ci)]
    if test.control_effect is not None:
        marks.append(Mark("control alone", test.control_effect, None, "other"))
    alt = "; ".join(
        f"{m.label} {number(m.value, 'points')} {interval(m.ci, 'points')}".strip() for m in marks
    )
    least = made.minimum_effect
    chart = interval_chart(
        marks,
        unit="points",
        bound=least,
        alt=alt,
    )
    return el(
        "section",
        el("h4", made.title, " ", badge(made.verdict)),
        el(
            "figure",
            el(
                "figcaption",
                "Effect, in points" + ("; dashed: the bar set beforehand" if least is not None else ""),
            ),
            chart,
            class_="plot",
        )
        if chart
        else None,
        terms(made.terms),
        class_="experiment",
    )


def section(made: Section, level: str = "h3", plot: Html | None = None, class_: str | None = None) -> Html:
    """A part of the story; ``plot`` stands before its tables."""
    return el(
        "section",
        el(level, made.title, id=f"{made.id}-title"),
        *(el("p", said(s)) for s in made.lead),
        points(made.points),
        plot,
        *(table(t) for t in made.tables),
        id=made.id,
        class_=class_,
    )


def exhibit(desk: Desk, made: Exhibit) -> Html:
    """One piece of evidence, folded."""
    e = made.evidence
    origin: list[tuple[str, Sentence | str]] = [
        (
            "Made by",
            Sentence(
                f"{clean(e.tool)}, asked for by {made.by}" if made.by else clean(e.tool),
                (f"#{made.event}",) if made.event else (),
            ),
        )
    ]
    if made.why:
        origin.append(("Why", made.why))
    if made.version:
        origin.append(("Measured with", made.version))
    origin.append(("Make it again, in Python", el("code", made.command)))
    origin.append(("Cost", number(e.seconds, "seconds")))
    if made.answers:
        origin.append(("Answers", "; ".join(f"{q} {title}".strip() for q, title in made.answers)))
    heading = el("h3", el("span", e.id, class_="eid"), " ", clean(e.title))
    body = [
        el("p", e.summary),
        terms(origin),
        plain_list("Findings raised or tested", [finding_text(f) for f in e.findings]),
        *(table(t) for t in (made.facts, *e.tables) if t is not None),
        *(figure(desk, f) for f in e.figures),
        _examples(desk, e),
        plain_list("Left out, warnings", e.notes),
        plain_list("Worth a look next", e.next_steps),
    ]
    return el(
        "details", el("summary", heading, " ", el("code", made.shell)), *body, id=e.id, class_="exhibit"
    )


def _examples(desk: Desk, made: Evidence) -> Html:
    """Example images: as thumbnails, or by name when a figure shows them already."""
    if not made.figures:
        return gallery(desk, [(made.id, i) for i in made.images])
    return plain_list(
        "Images shown", [f"{image_name(i, desk.withhold)}: {answer(i)}".rstrip(": ") for i in made.images]
    )
