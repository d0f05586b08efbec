"""``report.html``: one file that opens offline, runs no script, asks nobody for anything, and prints."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

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

CONTENT_PLACE = "0" * 64  # stands where the digest of the page goes while it is being computed


def render_html(report: Report, folder: Path, config: Mapping[str, Any]) -> str:
    """The report as one HTML page.

    Args:
        report: what to show.
        folder: the case folder, where figures lie.
        config: the case's configuration, which says where example images lie.
    """
    desk = Desk(folder, config)
    style = _style()
    page = join(
        Html("<!doctype html>\n"),
        el("html", _head(report, style), _body(report, desk), lang="en"),
        Html("\n"),
    )
    return str(page).replace(CONTENT_PLACE, content_digest(page), 1)


def content_digest(page: str) -> str:
    """SHA-256 of a page in which the place of this digest holds zeros."""
    return hashlib.sha256(page.encode("utf-8", "surrogatepass")).hexdigest()


def _style() -> str:
    text = files("failsight.agent.narrate").joinpath("templates/report.css").read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def _head(report: Report, style: str) -> Html:
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
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"Failsight report: {report.title}"),
        Html(f"<style>{style}</style>"),
    )


def _body(report: Report, desk: Desk) -> Html:
    parts = [
        _brief(report),
        _headlines(report, desk),
        _readiness(report),
        *([section(report.reviews, "h2")] if report.reviews else []),
        section(report.signoff, "h2"),
    ]
    if report.others:
        parts.append(_cards("others", "Tested without confirmation, and untested", report.others, desk, ""))
    parts += [_story(report), _evidence(report, desk), _timeline(report), _reading(report), _verify(report)]
    return el(
        "body",
        el("a", "Skip to the report", class_="skip", href="#main"),
        _masthead(report),
        el("div", _nav(report), el("main", *parts, id="main"), class_="page"),
        el(
            "footer",
            el(
                "p",
                "Written by Failsight from the journal of the case. Nothing on this page loads from elsewhere.",
            ),
        ),
    )


def _masthead(report: Report) -> Html:
    verdict = report.readiness_verdict
    word = READINESS.get(verdict, "Not judged")
    return el(
        "header",
        el("p", "Failsight report", class_="brand"),
        el("h1", report.title),
        el("p", report.task, class_="task") if report.task else None,
        el("p", el("span", word, class_=f"badge readiness {verdict or 'open'}"), class_="over"),
        class_="masthead",
    )


def _nav(report: Report) -> Html:
    links = [("brief", "In brief"), ("findings", "Confirmed findings"), ("readiness", "Is it ready?")]
    if report.reviews:
        links.append((report.reviews.id, "Errors people can live with"))
    links.append((report.signoff.id, "Sign-off"))
    if report.others:
        links.append(("others", "Not confirmed"))
    links.append(("story", "How it was found out"))
    tail = [
        ("evidence", "Evidence"),
        ("timeline", "Journal"),
        ("reading", "How to read this"),
        ("verify", "How to check this"),
    ]
    below = el("ul", *(el("li", el("a", s.title, href=f"#{s.id}")) for s in report.story))
    items = [
        el("li", el("a", shown, href=f"#{target}"), below if target == "story" else None)
        for target, shown in [*links, *tail]
    ]
    return el("nav", el("ul", *items), aria_label="Sections of the report")


def _brief(report: Report) -> Html:
    rows = [el("div", el("dt", k), el("dd", v)) for k, v in report.about]
    return el(
        "section",
        el("h2", "In brief", id="brief-title"),
        el("ul", *(el("li", said(s)) for s in report.brief), class_="brief"),
        el("details", el("summary", "What was examined"), el("dl", *rows, class_="terms")),
        id="brief",
        aria_labelledby="brief-title",
    )


def _readiness(report: Report) -> Html:
    marks = [Mark(name, value, ci, "main", bound) for name, value, ci, bound in report.criteria]
    alt = "; ".join(f"{m.label} {number(m.value)} {interval(m.ci)}, bound {number(m.bound)}" for m in marks)
    chart = interval_chart(marks, unit="share", alt=alt)
    plot = el(
        "figure", el("figcaption", "Measured, with 95 % intervals; dashed: expected"), chart, class_="plot"
    )
    return section(report.readiness, "h2", plot if marks else None)


def _headlines(report: Report, desk: Desk) -> Html:
    glance = join(
        table(report.overview, links=True) if report.overview else None,
        *(figure(desk, f, (name,)) for name, f in report.shared),
    )
    return _cards("findings", "Findings that were confirmed", report.headlines, desk, report.nothing, glance)


def _cards(
    name: str, title: str, cards: Sequence[Card], desk: Desk, nothing: str, glance: Html | None = None
) -> Html:
    body = [finding_card(desk, c) for c in cards] or [el("p", nothing)]
    heading = el("h2", title, id=f"{name}-title")
    return el("section", heading, glance, *body, id=name, aria_labelledby=f"{name}-title")


def _story(report: Report) -> Html:
    return el(
        "section",
        el("h2", "How it was found out", id="story-title"),
        *(section(s) for s in report.story),
        id="story",
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


def _reading(report: Report) -> Html:
    rows = [el("div", el("dt", term), el("dd", text)) for term, text in report.reading]
    return el(
        "section", el("h2", "How to read this", id="reading-title"), el("dl", *rows, class_="terms"),
        id="reading", aria_labelledby="reading-title",
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
