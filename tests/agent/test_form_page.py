"""Forms and error reviews as pages: they open offline, hold hostile names, and what a browser saves is read back."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from failsight.agent.people import forms
from failsight.agent.people.reviews import export, newest, read_back
from failsight.tools.errors import UserError
from tests.fakes.browser import browser
from tests.fakes.case import FakeCase, television_world
from tests.fakes.page import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CAPTURE = """<script>
URL.createObjectURL = blob => {{ blob.text().then(text => {{
  const kept = document.createElement("pre"); kept.id = "saved"; kept.textContent = text; document.body.append(kept); }}); return "#"; }};
{fill}
document.getElementById("save").click();
</script></body>"""


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(120)
    return FakeCase(tmp_path / "case", {"data": table}, model)


def saved(page: Path, fill: str) -> str:
    """What the page's button saves after ``fill`` ran, in a headless browser."""
    assert CHROMIUM
    filled = page.with_name("filled.html")
    filled.write_text(page.read_text().replace("</body>", CAPTURE.format(fill=fill)))
    run = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={page.parent / 'profile'}",
         "--virtual-time-budget=3000", "--dump-dom", filled.as_uri()],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    from html import unescape

    found = re.search(r'<pre id="saved">(.*?)</pre>', run.stdout, re.DOTALL)
    assert found, run.stdout[-2000:]
    return unescape(found[1])


FILL = """
const set = (name, value, i = 0) => document.getElementsByName(name)[i].value = value;
set("by", "Ann (requester)"); set("accuracy", "90 %"); set("sign_off", "Ann"); set("use", "sorting\\n<!-- field: by -->\\nBob");
set("costs", "red_room > blue_room: 5"); set("demands", "accuracy where television is yes at least 80 %\\nworst_group[television]>=0.7");
set("recall", "0.8", 1); document.getElementsByName("reason")[0].checked = true;
"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs a headless browser")
def test_what_a_browser_saves_of_a_form_becomes_attributed_answers(case: FakeCase, tmp_path: Path) -> None:
    forms.export(case, "expectations", tmp_path / "form.html")
    text = saved(tmp_path / "form.html", FILL)
    (tmp_path / "back.md").write_text(text, encoding="utf-8")
    made = forms.read_back(case, tmp_path / "back.md")
    assert made.by == "Ann (requester)" and made.answers["reason"] == "safety"
    assert made.answers["use"] == "sorting\n<!-- field: by -->\nBob"  # words of a person are no marks
    assert set(made.expectations) == {
        "accuracy ≥ 0.9", "recall.blue_room ≥ 0.8", "cost.red_room>blue_room = 5",
        "accuracy[television=yes] ≥ 0.8", "worst_group[television] ≥ 0.7",
    }  # fmt: skip
    assert {e.by for e in case.expectations} == {"Ann (requester)"}


@pytest.mark.skipif(CHROMIUM is None, reason="needs a headless browser")
def test_what_a_browser_saves_of_a_review_is_read_back(case: FakeCase, tmp_path: Path) -> None:
    export(case, tmp_path / "errors.html", n=8)
    fill = """document.getElementById("by").value = "Bob";
    document.getElementById("own0").value = 'a "hall", I think'; document.querySelector('input[name="verdict0"][value="unacceptable"]').checked = true;
    document.querySelector('input[name="human0"][value="no"]').checked = true; document.querySelector('input[name="verdict1"][value="label"]').checked = true;"""
    (tmp_path / "reviews.csv").write_text(saved(tmp_path / "errors.html", fill), encoding="utf-8")
    read_back(case, tmp_path / "reviews.csv", by="")
    made = newest(case)
    assert made is not None and made.arguments["by"] == "Bob"
    assert sorted(made.arguments["answers"].values()) == ["label", "unacceptable"]
    assert list(made.arguments["why"].values()) == ['Would call it a "hall", I think.']


@pytest.mark.parametrize("name", list(forms.forms()))
def test_every_form_is_a_page_without_outside_parts(case: FakeCase, tmp_path: Path, name: str) -> None:
    forms.export(case, name, tmp_path / "x.html")
    page = Page.of(tmp_path / "x.html")
    form = forms.form_named(name)
    assert page.wrong == [] and len(page.all("fieldset")) == len(form.fields) + 1
    assert not page.all("link") and all(i["src"].startswith("data:") and i["alt"] for i in page.all("img"))
    rows = sum(f.kind == "rows" for f in form.fields)
    assert len(page.all("img")) == rows * 6  # three pictures a class
    named = [a.get("name") for tag in ("input", "textarea") for a in page.all(tag)]
    assert {f.name for f in form.fields} <= set(named)


def test_hostile_class_names_are_inert(tmp_path: Path) -> None:
    table, model = television_world(60)
    table.classes = model.classes = ('</script><img src=x onerror="a()">', "b: c\u202e")
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    forms.export(case, "class_cues", tmp_path / "x.html")
    page = Page.of(tmp_path / "x.html")
    assert page.wrong == [] and len(page.all("script")) == 1
    assert all(i["src"].startswith("data:image/jpeg") for i in page.all("img"))
    text = forms.markdown(forms.form_named("class_cues"), case.classes)
    text = text.replace("<!-- field: by -->\n> ", "<!-- field: by -->\n> Ann").replace(
        "> b: c: ", "> b: c: a bed: always"
    )
    answers = forms.parse(text, case.classes)[2]
    assert answers["defining"] == {"b: c\u202e": "a bed: always"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("field: costs", "> red_room > attic: 5", "names no two classes"),
        ("field: costs", "> red_room > blue_room: dear", "is a number"),
        ("field: demands", "> be good", "states no bound"),
        ("field: demands", "> recall.attic >= 0.9", "no class"),
        ("field: latency", "> soon", "is a number"),
    ],
)
def test_bounds_that_can_not_be_meant_are_refused_before_anything_is_kept(
    case: FakeCase, tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = forms.markdown(forms.form_named("expectations"), case.classes)
    for mark, answer in (("field: by", "> Ann"), ("field: sign_off", "> Ann"), (old, new)):
        head, _, tail = text.partition(f"<!-- {mark}")
        end = tail.index("\n> ")
        text = f"{head}<!-- {mark}{tail[:end]}\n{answer}{tail[end + 3 :]}"
    (tmp_path / "x.md").write_text(text)
    with pytest.raises(UserError, match=said):
        forms.read_back(case, tmp_path / "x.md")
    assert not case.state().forms and not case.expectations
    with pytest.raises(UserError, match="page itself"):
        forms.read_back(case, tmp_path / "x.html")


@pytest.mark.parametrize("name", ["expectations", "class_cues"])
def test_who_judges_errors_sees_some_once_they_are_measured(
    case: FakeCase, tmp_path: Path, name: str
) -> None:
    case.call("evaluate", {}, by="person")
    forms.export(case, name, tmp_path / "x.html")
    page = Page.of(tmp_path / "x.html")
    assert page.wrong == []
    alts = [i["alt"] for i in page.all("img") if "taken for" in i["alt"]]
    assert "an image of blue_room taken for red_room" in alts and len(alts) <= 6
    assert all(i["src"].startswith("data:image/jpeg") for i in page.all("img"))


AXE = "axe.run(document).then(r => [r.passes.length, r.violations.map(v => v.id + ': ' + v.nodes[0].html.slice(0, 120))])"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs a headless browser")
def test_axe_finds_nothing_on_any_form_or_review(case: FakeCase, tmp_path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    subprocess.run([npm, "install", "--silent", "axe-core@4"], cwd=tmp_path, capture_output=True, timeout=120)
    script = tmp_path / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("axe-core can't be had here")
    case.call("evaluate", {}, by="person")
    for name in forms.forms():
        forms.export(case, name, tmp_path / f"{name}.html")
    export(case, tmp_path / "errors.html", n=8)
    found = {}
    with browser(tmp_path) as shown:
        shown.send("Page.setBypassCSP", enabled=True)
        shown.width(1280)
        for name in (*forms.forms(), "errors"):
            shown.open(tmp_path / f"{name}.html")
            shown.run(script.read_text(encoding="utf-8") + "; 0")
            passed, wrong = shown.run(AXE)
            assert passed > 10
            if wrong:
                found[name] = wrong
    assert found == {}
