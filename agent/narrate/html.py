"""``report.html``: one file that opens offline, runs no script, asks nobody for anything, and prints."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from failsight.agent.narrate.audiences import AUDIENCES, DEVELOPER
from failsight.agent.narrate.charts import Mark, interval_chart
from failsight.agent.narrate.html_parts import (
    Desk,
    exhibit,
    figure,
    finding_card,
    points,
    said,
    section,
    table,
)
from failsight.agent.narrate.markup import Html, el, join
from failsight.agent.narrate.model import Card, Report
from failsight.agent.narrate.words import READINESS
from failsight.tools.text import interval, number

BEHIND = " findings in full, readiness, sign-off, how it was found out, every piece of evidence, the journal"
OTHERS = "Tested without confirmation, and untested"
_WRITTEN = "Written by Failsight from the journal of the case. Nothing on this page loads from elsewhere."
CONTENT_PLACE = "0" * 64  # stands where the digest of the page goes while it is being computed


def render_html(
    report: Report, folder: Path, config: Mapping[str, Any], *, audience: str = "", withhold: bool = False
) -> str:
    """The report as one HTML page.

    Args:
        report: what to show.
        folder: the case folder, where figures lie.
        config: the case's configuration, which says where example images lie.
        audience: whose parts to show; empty: those of all, and the reader chooses.
        withhold: leave out all pictures of the case.
    """
    desk = Desk(folder, config, audience, withhold)
    style = _style()
    page = join(
        Html("<!doctype html>\n"),
        el("html", _head(report, style, desk), _body(report, desk), lang="en"),
        Html("\n"),
    )
    return str(page).replace(CONTENT_PLACE, content_digest(page), 1)


def content_digest(page: str) -> str:
    """SHA-256 of a page in which the place of this digest holds zeros."""
    return hashlib.sha256(page.encode("utf-8", "surrogatepass")).hexdigest()


def _style() -> str:
    text = files("failsight.agent.narrate").joinpath("templates/report.css").read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def _head(report: Report, style: str, desk: Desk) -> Html:
    allowed = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    return el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="failsight:content-sha256", content=CONTENT_PLACE),
        el("meta", name="failsight:findings-sha256", content=report.digest),
        el("meta", name="failsight:journal-events", content=report.events),
        el("meta", name="failsight:journal-head", content=report.head),
        el("meta", name="failsight:version", content=report.version),
        el("meta", name="failsight:told-with", content=report.told_with),
        el("meta", name="failsight:audience", content=desk.audience or "all"),
        el("meta", name="failsight:pictures", content="withheld" if desk.withhold else "shown"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"Failsight report: {report.title}"),
        Html(f"<style>{style}</style>"),
    )


def _body(report: Report, desk: Desk) -> Html:
    extra = [s for s in (report.reviews, report.people) if s is not None]
    front = [section(s, "h2", class_=desk.mark("front")) for s in report.front] if desk.gives("front") else []
    parts: list[Html | None] = [
        _brief(report, desk),
        section(report.todo, "h2", class_=desk.mark("todo")) if report.todo and desk.gives("todo") else None,
        _headlines(report, desk),
        _readiness(report, desk),
        *(section(s, "h2", class_=desk.mark(s.id)) for s in extra if desk.gives(s.id)),
        section(report.signoff, "h2"),
    ]
    if report.others and desk.gives("others"):
        parts.append(_cards("others", OTHERS, report.others, desk, ""))
    parts += [
        _story(report, desk), _evidence(report, desk), _timeline(report), _reading(report, desk), _verify(report)
    ]  # fmt: skip
    shown: list[Html | None] = (
        [*_views(report, desk), *front, _behind(parts)] if front else [*_views(report, desk), *parts]
    )
    return el(
        "body",
        el("a", "Skip to the report", class_="skip", href="#main"),
        _masthead(report, desk),
        el("div", _nav(report, desk), el("main", *shown, id="main", tabindex="-1"), class_="page"),
        el("footer", el("p", _WRITTEN)),
        class_=f"as-{desk.audience}" if desk.audience else None,
    )


def _behind(parts: Sequence[Html | None]) -> Html:
    """Everything that stands behind the first page, folded; a link into it opens it."""
    summary = el(
        "summary",
        el("span", "Everything behind this page", class_="behind-title"),
        el("span", BEHIND, class_="small"),
    )
    return el("details", summary, *parts, id="behind", class_="behind")


def _views(report: Report, desk: Desk) -> list[Html]:
    """What each audience reads first."""
    return [
        section(s, "h2", class_=_only(desk, view.audience, "view"))
        for view in report.views
        for s in view.sections
        if desk.audience in ("", view.audience)
    ]


def _only(desk: Desk, audience: str, classes: str = "") -> str | None:
    """The class attribute of what one audience alone gets."""
    return (classes if desk.audience else f"{classes} for for-{audience}").strip() or None


def _choice(desk: Desk) -> Html:
    """For whom the page is shown: by style alone, so that it needs no script."""
    if desk.audience:
        return el("p", f"For: {AUDIENCES[desk.audience][0]}", class_="small")
    chosen = [
        el(
            "label",
            el("input", type="radio", name="audience", id=f"show-{name}", checked=name == DEVELOPER),
            " ",
            el("span", label),
            el("span", f": {what}", class_="what"),
        )
        for name, (label, what) in AUDIENCES.items()
    ]
    printed = el(
        "label",
        el("input", type="checkbox", id="print-all"),
        " ",
        el("span", "When printing, print evidence and journal too"),
        class_="printing",
    )
    return el("fieldset", el("legend", "Show it for"), *chosen, printed, class_="audience")


def _masthead(report: Report, desk: Desk) -> Html:
    verdict = report.readiness_verdict
    word = READINESS.get(verdict, "Not judged") + (f": {report.judged}" if report.judged else "")
    return el(
        "header",
        el("p", "Failsight report", class_="brand"),
        el("h1", report.title),
        el("p", report.task, class_="task") if report.task else None,
        el("p", el("span", word, class_=f"badge readiness {verdict or 'open'}"), class_="over"),
        _choice(desk),
        class_="masthead",
    )


def _nav(report: Report, desk: Desk) -> Html:
    items = [
        el("li", el("a", s.title, href=f"#{s.id}"), class_=_only(desk, view.audience))
        for view in report.views
        for s in view.sections
        if desk.audience in ("", view.audience)
    ]
    links = [("front-wrong", "On one page"), ("brief", "In brief"), ("todo", "What to do next"), ("findings", "Confirmed findings"), ("readiness", "Is it ready?"),
             ("reviews", "Errors people can live with"), ("people", "What people said"), ("signoff", "Sign-off"),
             ("others", "Not confirmed"), ("story", "How it was found out"), ("evidence", "Evidence"), ("timeline", "Journal"),
             ("reading", "How to read this"), ("verify", "How to check this")]  # fmt: skip
    lacking = {n for n in ("todo", "reviews", "people", "others") if not getattr(report, n)}
    lacking |= set() if report.front and desk.gives("front") else {"front-wrong"}
    below = el(
        "ul",
        *(
            el("li", el("a", s.title, href=f"#{s.id}"), class_=desk.mark(s.id))
            for s in report.story
            if desk.gives(s.id)
        ),
    )
    items += [
        el(
            "li",
            el("a", shown, href=f"#{target}"),
            below if target == "story" else None,
            class_=desk.mark(target.removesuffix("-wrong")),
        )
        for target, shown in links
        if target not in lacking and desk.gives(target)
    ]
    return el("nav", el("ul", *items), aria_label="Sections of the report")


def _brief(report: Report, desk: Desk) -> Html | None:
    rows = [el("div", el("dt", k), el("dd", v)) for k, v in report.about]
    examined = el("details", el("summary", "What was examined"), el("dl", *rows, class_="terms"))
    if not desk.gives("brief"):
        return None
    return el(
        "section",
        el("h2", "In brief", id="brief-title"),
        el("ul", *(el("li", said(s)) for s in report.brief), class_="brief"),
        examined,
        id="brief",
        class_=desk.mark("brief"),
        aria_labelledby="brief-title",
    )


def _readiness(report: Report, desk: Desk) -> Html | None:
    if not desk.gives("readiness"):
        return None
    marks = [Mark(name, value, ci, "main", bound) for name, value, ci, bound in report.criteria]
    alt = "; ".join(f"{m.label} {number(m.value)} {interval(m.ci)}, bound {number(m.bound)}" for m in marks)
    chart = interval_chart(marks, unit="share", alt=alt)
    plot = el(
        "figure", el("figcaption", "Measured, with 95 % intervals; dashed: expected"), chart, class_="plot"
    )
    return section(report.readiness, "h2", plot if marks else None, desk.mark("readiness"))


def _headlines(report: Report, desk: Desk) -> Html | None:
    if not desk.gives("findings"):
        return None
    overview = table(report.overview, links=True) if report.overview and desk.gives("deep") else None
    glance = join(
        el("div", overview, class_=desk.mark("deep")) if overview else None,
        *(figure(desk, f, (name,)) for name, f in report.shared),
    )
    return _cards("findings", "Findings that were confirmed", report.headlines, desk, report.nothing, glance)


def _cards(
    name: str, title: str, cards: Sequence[Card], desk: Desk, nothing: str, glance: Html | None = None
) -> Html:
    body = [finding_card(desk, c) for c in cards] or [el("p", nothing)]
    heading = el("h2", title, id=f"{name}-title")
    return el(
        "section", heading, glance, *body, id=name, class_=desk.mark(name), aria_labelledby=f"{name}-title"
    )


def _story(report: Report, desk: Desk) -> Html | None:
    if not desk.gives("story"):
        return None
    return el(
        "section",
        el("h2", "How it was found out", id="story-title"),
        *(section(s, class_=desk.mark(s.id)) for s in report.story if desk.gives(s.id)),
        id="story",
        class_=desk.mark("story"),
        aria_labelledby="story-title",
    )


def _evidence(report: Report, desk: Desk) -> Html:
    how = join(
        "Each piece can be made again in Python, after ",
        el("code", 'from failsight.agent import open_case; case = open_case("CASE")'),
        ".",
    )
    return el(
        "section",
        el("h2", "Evidence", id="evidence-title"),
        el("p", how),
        *(exhibit(desk, e) for e in report.exhibits),
        id="evidence",
        aria_labelledby="evidence-title",
    )


def _timeline(report: Report) -> Html:
    rows = table(report.timeline, most=len(report.timeline.rows), anchors="event-")
    return el(
        "section",
        el("h2", "Journal", id="timeline-title"),
        el("details", el("summary", f"All {report.events:,} events, in order"), rows, class_="exhibit"),
        id="timeline",
        aria_labelledby="timeline-title",
    )


def _reading(report: Report, desk: Desk) -> Html | None:
    if not desk.gives("reading"):
        return None
    rows = [el("div", el("dt", term), el("dd", text)) for term, text in report.reading]
    return el(
        "section", el("h2", "How to read this", id="reading-title"), el("dl", *rows, class_="terms"),
        id="reading", class_=desk.mark("reading"), aria_labelledby="reading-title",
    )  # fmt: skip


def _verify(report: Report) -> Html:
    rows = (
        ("Journal events", f"{report.events:,}"),
        ("Journal head", report.head),
        ("Findings, SHA-256", report.digest),
    )
    return el(
        "section",
        el("h2", report.verify.title, id="verify-title"),
        points(report.verify.points),
        el(
            "dl",
            *(el("div", el("dt", k), el("dd", el("code", v, class_="hash"))) for k, v in rows),
            class_="terms",
        ),
        id="verify",
        aria_labelledby="verify-title",
    )
