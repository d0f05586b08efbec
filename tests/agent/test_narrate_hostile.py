"""Names that come out of other people's data stay text: in the page, in the Markdown, in paths."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import pytest

from failsight.agent.journal import Journal
from failsight.agent.narrate import write_reports
from failsight.agent.narrate.markdown import escape
from failsight.agent.narrate.markup import Html, el, join, text
from failsight.agent.narrate.pictures import figure_uri, thumbnail_uri
from failsight.agent.state import fold
from failsight.tools.evidence import Evidence, Figure, ImageRef, Table
from tests.fakes.page import Page
from tests.fakes.told import SHORTCUT, Teller, confused, evaluated, masked, plan, tell

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</style></title><script>alert(2)</script>",
    "](javascript:alert(1)) [x](https://evil.example)",
    "![x](https://evil.example/pixel.png)",
    "kitchen | 100 % | ready",
    "\n# Ready\n\n- [x] all good",
    "`rm -rf /` ``x`` $x^2$",
    "https://evil.example www.evil.example @everyone a@evil.example",
    "\x1b[31mred\x1b[0m\x07\x00",
    "\u202egnp.exe\u2066 \u200e",
    "מטבח",
    "&lt;b&gt; &#60;b&#62;",
    "__bold__ *it* ~~no~~ <!-- x -->",
    "\ud800broken",
]


def hostile_case(folder: Path, name: str) -> dict[str, str]:
    """A case in which ``name`` stands everywhere where data can put a name; the report as text by file."""
    classes = ("a", name, "c")
    found = dataclasses.replace(
        SHORTCUT,
        statement=f"It takes {name} for c.",
        slice={name: name},
        class_name=name,
        confused_with=name,
        note=name,
    )
    t = Teller(folder)
    t.created(classes=classes, name=name)
    t.note("session.opened", version=name, planner=name, level=name)
    t.note("expectation.set", name=f"recall.{name}", bound=0.9, at_least=True, by=name)
    t.note("message", role="person", text=name)
    t.note("stage.entered", stage=name, trigger=name)
    t.call(evaluated(classes), why=name, by=name)
    t.call(confused(classes), why=name)
    t.call(
        dataclasses.replace(masked(found, "box:television", 0.3, (0.2, 0.4), "confirmed", id=name), title=name, summary=name,
                            images=(ImageRef("data", 0, name, name, name, 0.5, name),)),
        plan=plan(found, name),
    )  # fmt: skip
    t.call(
        Evidence("outside_tool", name, name, arguments={name: name}, notes=(name,), next_steps=(name,), questions=(name,),
                 figures=(Figure(name, name, name, name),), tables=(Table(name, (name, name), ((name, name),), (), name),))
    )  # fmt: skip
    t.note("tool.failed", call="x", tool=name, arguments={name: name}, message=name)
    t.note("approval.given", call=name, tool=name, decision=name, by=name)
    t.note("journal.repaired", set_aside=name)
    t.close()
    journal = Journal(folder, write=False)
    return {
        p.name: p.read_text(encoding="utf-8") for p in write_reports(folder, fold(journal), journal.events)
    }


@pytest.fixture(scope="module")
def tame(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Markdown of the same case with a harmless name."""
    return hostile_case(tmp_path_factory.mktemp("tame"), "room")["report.md"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_inert_in_the_page(tmp_path: Path, name: str) -> None:
    source = hostile_case(tmp_path, name)["report.html"]
    page = Page(source)
    assert page.wrong == []
    assert {t for t, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "a", "header", "p", "h1", "h2", "h3", "h4", "span", "div", "nav", "ul", "li",
        "main", "section", "article", "ol", "details", "summary", "dl", "dt", "dd", "figure", "figcaption", "img", "svg", "line", "circle",
        "text", "table", "caption", "thead", "tbody", "tr", "th", "td", "code", "footer", "bdi", "fieldset", "legend", "label", "input",
    }  # fmt: skip
    for tag, attributes in page.tags:
        assert not [
            a for a in attributes if a.startswith("on") or a in ("style", "srcset", "action", "formaction")
        ]
        assert attributes.get("src", "data:image/").startswith("data:image/")
        assert attributes.get("href", "#").startswith("#")
        assert tag != "meta" or "refresh" not in attributes.get("http-equiv", "")
    assert_no_controls(source)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_inert_in_the_markdown(tmp_path: Path, tame: str, name: str) -> None:
    markdown = pytest.importorskip("markdown_it")
    source = hostile_case(tmp_path, name)["report.md"]
    assert_no_controls(source)
    parser = markdown.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    clean = parser.parse(tame)
    made = parser.parse(source)
    inline = [c for t in made for c in (t.children or ())]
    assert not [t for t in [*made, *inline] if t.type in ("html_block", "html_inline", "s_open")]
    links = [str(t.attrs["href"]) for t in inline if t.type == "link_open"]
    assert links and all(
        href.startswith("#") for href in links
    )  # the contents of the first page, and nothing else
    assert links == [str(t.attrs["href"]) for m in clean for t in (m.children or ()) if t.type == "link_open"]
    for kind in (
        "heading_open",
        "table_open",
        "tr_open",
        "td_open",
        "th_open",
        "list_item_open",
        "fence",
        "blockquote_open",
    ):
        assert sum(t.type == kind for t in made) == sum(t.type == kind for t in clean), kind
    images = [str(t.attrs["src"]) for t in inline if t.type == "image"]
    assert all(src.startswith("figures/") for src in images)
    outside_of_code = re.sub(r"(`+)[^`].*?\1", "", source)
    assert "://" not in outside_of_code and "www." not in outside_of_code and "@" not in outside_of_code


def assert_no_controls(source: str) -> None:
    assert not [
        c
        for c in source
        if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066\u200e\u200f\u202a"
    ]


def test_a_right_to_left_name_is_isolated_from_the_numbers_beside_it() -> None:
    assert text("recall of מטבח 71.5 %") == "recall of <bdi>מטבח</bdi> 71.5 %"


def test_text_is_escaped_unless_this_program_made_it() -> None:
    assert el("p", "<b>", Html("<i></i>")) == "<p>&lt;b&gt;<i></i></p>"
    assert el("p", title='"><x>') == '<p title="&quot;&gt;&lt;x&gt;"></p>'
    assert join("a", None, ["<", Html("<br>")]) == "a&lt;<br>"
    with pytest.raises(ValueError, match="no attribute"):
        el("p", **{"x onload": "y"})


@pytest.mark.parametrize(
    ("raw", "made"),
    [
        ("dining_room", "dining_room"),
        ("_x_ and __y__", r"\_x\_ and \_\_y\_\_"),
        ("1. first", r"1\. first"),
        ("# no heading", r"\# no heading"),
        ("a | b", r"a \| b"),
        ("5 < 6", "5 &lt; 6"),
    ],
)  # fmt: skip
def test_markdown_is_escaped_where_it_would_mean_something_and_only_there(raw: str, made: str) -> None:
    assert escape(raw) == made


def test_a_figure_outside_of_the_case_folder_is_not_shown(tmp_path: Path) -> None:
    folder = tell(tmp_path / "case")
    outside = tmp_path / "private.png"
    outside.write_bytes((folder / "figures" / "cat.png").read_bytes())
    os.symlink(outside, folder / "figures" / "link.png")
    assert figure_uri(folder, Figure("t", "figures/cat.png", "a")) is not None
    for name in (
        "../private.png",
        str(outside),
        "figures/link.png",
        "figures/../../private.png",
        "figures",
        "",
        "\0",
    ):
        assert figure_uri(folder, Figure("t", name, "a")) is None, name


def test_an_example_outside_of_its_split_is_not_shown(tmp_path: Path) -> None:
    folder = tell(tmp_path / "case")
    config = {"data": {"data": {"path": str(folder / "photos")}}}
    assert thumbnail_uri(config, ImageRef("data", 0, "kitchen/0003.png")) is not None
    for name in (
        "../figures/cat.png",
        str(folder / "figures" / "cat.png"),
        "",
        "kitchen/../../figures/cat.png",
    ):
        assert thumbnail_uri(config, ImageRef("data", 0, name)) is None, name
    assert thumbnail_uri(config, ImageRef("deploy", 0, "kitchen/0003.png")) is None


def test_a_file_that_is_no_picture_is_a_missing_picture(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"<script>")
    assert figure_uri(tmp_path, Figure("t", "x.png", "a")) is None
    (tmp_path / "x.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    uri = figure_uri(tmp_path, Figure("t", "x.svg", "a"))
    assert uri is not None and uri[0].startswith("data:image/svg+xml;base64,")  # as an image it runs nothing
