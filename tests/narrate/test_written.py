"""Files for one audience, with pictures withheld, to paste; and that each is found out when a sentence of it was changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from failsight.agent.cli import main
from failsight.agent.journal import Journal
from failsight.agent.narrate import check_file, check_report, write_reports
from failsight.agent.narrate.html import CONTENT_PLACE, content_digest
from failsight.agent.narrate.markdown import TEXT_PLACE, text_digest
from failsight.agent.state import fold
from failsight.tools.errors import UserError
from tests.fakes.page import Page
from tests.fakes.told import Teller, tell


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tell(tmp_path_factory.mktemp("told") / "case")


@pytest.fixture
def told(once: Path, tmp_path: Path) -> Path:
    """The case told once, copied."""
    return shutil.copytree(once, tmp_path / "case")


def write(folder: Path, *formats: str, **options: object) -> list[Path]:
    journal = Journal(folder, write=False)
    return write_reports(folder, fold(journal), journal.events, formats, **options)  # type: ignore[arg-type]


def test_the_page_holds_all_audiences_and_lets_the_reader_choose_without_a_script(told: Path) -> None:
    page = Page.of(write(told, "html")[0])
    assert not page.all("script")
    shown = [i["id"] for i in page.all("input") if i["type"] == "radio"]
    assert shown == ["show-developer", "show-requester", "show-domain_expert", "show-end_user"]
    assert {"view-answer", "view-cues", "view-care"} <= set(page.ids)


def test_a_file_for_one_audience_holds_its_parts_alone(told: Path) -> None:
    html, md = write(told, "html", "md", audience="end-user")
    assert (html.name, md.name) == ("report-end-user.html", "report-end-user.md")
    page = Page.of(html)
    assert page.wrong == [] and not page.all("input") and "view-care" in page.ids
    assert not {"brief", "story", "findings", "view-answer"} & set(page.ids)
    targets = {a["href"].removeprefix("#") for a in page.all("a")}
    assert targets <= set(page.ids)
    assert "about 82 of 100 (between 78 and 85) get the right answer" in md.read_text()


def test_an_unknown_audience_is_refused(told: Path) -> None:
    with pytest.raises(UserError, match="no audience"):
        write(told, "html", audience="nobody")


def test_withheld_pictures_leave_neither_pixels_nor_paths(told: Path) -> None:
    html, md = write(told, "html", "md", redact_images=True)
    page = html.read_text()
    assert "data:image/png" not in page and "data:image/jpeg" not in page and "Picture withheld." in page
    assert "data:image/svg+xml" in page  # a drawn plot shows no image
    for text in (page, md.read_text()):
        assert "kitchen/0003.png" not in text
    assert check_report(told) == []


@pytest.mark.parametrize("made", ["model-card", "datasheet"])
def test_sections_to_paste_say_what_is_missing(told: Path, made: str) -> None:
    text = write(told, made)[0].read_text()
    assert "Not said:" in text and "failsight forms export" in text and "journal head:" in text
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert len(headings) == (10 if made == "model-card" else 8)
    assert check_file(told / f"{made}.md", told) == []


@pytest.mark.parametrize("made", ["html", "md", "model-card", "datasheet"])
def test_an_edited_sentence_is_found_even_where_the_digest_was_mended(told: Path, made: str) -> None:
    path = write(told, made)[0]
    text = path.read_text()
    word = "Say which room it is"
    assert word in text and check_file(path, told) == []
    edited = text.replace(word, "Say which room it was")
    path.write_text(edited)
    assert check_file(path, told) == [f"{path.name} was edited after it was written."]
    place, digest = (CONTENT_PLACE, content_digest) if made == "html" else (TEXT_PLACE, text_digest)
    start = (
        edited.index('content-sha256" content="') + 25 if made == "html" else edited.index("this text:") + 16
    )
    blank = edited[:start] + place + edited[start + 64 :]
    path.write_text(blank.replace(place, digest(blank), 1))
    (problem,) = check_file(path, told)
    assert "says what the journal does not say" in problem and "room it was" in problem


def test_a_report_that_lies_elsewhere_is_held_to_its_case(
    told: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = shutil.copy(write(told, "html")[0], tmp_path / "sent.html")
    assert main(["verify", str(sent), "--case", str(told)]) == 0
    assert "reads the same" in capsys.readouterr().out
    assert main(["verify", str(told / "findings.json"), "--case", str(told)]) == 2  # never written
    assert "There is no" in capsys.readouterr().err
    findings = write(told, "json")[0]
    assert main(["verify", str(findings)]) == 0
    assert "were not told again" in capsys.readouterr().out
    assert main(["verify", str(sent)]) == 2  # no journal beside it
    assert "--case" in capsys.readouterr().err
    other = tmp_path / "other"
    t = Teller(other)
    t.created()
    t.close()
    assert main(["verify", str(sent), "--case", str(other), "--json"]) == 2
    assert not json.loads(capsys.readouterr().out)["whole"]
