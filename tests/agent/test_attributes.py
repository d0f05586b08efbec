"""Attributes in a case: every change journalled and kept, seen by the search, said in plain words, edited as a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import EvidenceMade, Notice, PlannerSaid, ToolFailed
from failsight.agent.journal import verify
from failsight.agent.people.attribute_files import export, in_order, read_back
from failsight.agent.people.attribute_list import attribute_values, listed
from failsight.agent.people.attribute_sheet import read_answers, write_sheet
from failsight.agent.planners.edits import Names, calls
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.agent.state import fold
from failsight.tools.attributes.definitions import Definition
from failsight.tools.errors import RetryError, UserError
from tests.fakes.attributes import FakeEncoder, FakeSource, screen, tint, white_square
from tests.fakes.case import FakeCase, television_world


def open_fake(folder: Path, n: int = 400) -> FakeCase:
    table, model = television_world(n)
    table.columns["tv"] = list(table.columns["television"])
    table.columns["house"] = [f"house {i % 7}" for i in range(n)]
    made = FakeCase(folder, {"data": table}, model)
    made._sources["zero_shot"] = FakeSource("zero_shot", {"screen": white_square, "tint": tint}, [screen()])
    return made


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    made = open_fake(tmp_path / "case")
    yield made
    made.close()


def edit(case: FakeCase, action: str, attribute: str, **more: Any) -> Any:
    return case.call("edit_attributes", {"action": action, "attribute": attribute, **more})[0]


def names(case: FakeCase) -> set[str]:
    return set(case.attributes().columns)


class TestJournal:
    def test_every_edit_is_an_event_and_survives_reopening(self, case: FakeCase) -> None:
        case.call("propose_attributes", {})
        edit(case, "rename", "television", to="TV set")
        edit(case, "merge", "tv", to="TV set")
        edit(case, "rename_value", "house", value="house 0", to="cottage")
        edit(case, "drop", "house")
        edit(case, "restore", "house", why="it was needed after all")
        changes = [e for e in case.journal if e.kind == "attribute.changed"]
        assert [e.data["action"] for e in changes] == [
            "proposed", "rename", "merge", "merge", "rename_value", "drop", "restore",
        ]  # fmt: skip
        assert changes[-1].data["why"] == "it was needed after all"
        expected, values = names(case), case.attributes().columns["house"].tolist()
        case.close()
        again = open_fake(case.folder)
        assert names(again) == expected >= {"TV set", "house", "screen"}
        assert again.attributes().columns["house"].tolist() == values
        assert fold(again.journal).definitions == again.state().definitions
        assert verify(again.folder)[1] == []
        again.close()

    def test_a_rename_there_and_back_and_there_again_is_done_each_time(self, case: FakeCase) -> None:
        for _ in range(3):
            edit(case, "rename", "house", to="home")
            assert "home" in names(case)
            edit(case, "rename", "home", to="house")
            assert "house" in names(case)
        assert len([e for e in case.journal if e.kind == "attribute.changed"]) == 6

    def test_after_an_edit_the_search_is_measured_anew_and_evaluate_is_not(self, case: FakeCase) -> None:
        for tool in ("evaluate", "find_slices"):
            assert not case.call(tool)[1] and case.call(tool)[1]
        edit(case, "rename", "house", to="home")
        assert case.call("evaluate")[1]
        assert not case.call("find_slices")[1]
        assert case.call("find_slices")[1]

    def test_a_refused_edit_changes_nothing(self, case: FakeCase) -> None:
        with pytest.raises(RetryError, match="no attribute 'door'"):
            edit(case, "drop", "door")
        with pytest.raises(RetryError, match="already"):
            edit(case, "rename", "house", to="television")
        assert not case.definitions()
        assert not [e for e in case.journal if e.kind == "attribute.changed"]

    def test_the_timeline_tells_of_it(self, case: FakeCase) -> None:
        from failsight.agent.narrate.timeline import _LINES

        edit(case, "drop", "house", why="too many houses")
        event = next(e for e in case.journal if e.kind == "attribute.changed")
        assert _LINES["attribute.changed"](event.data) == "drop house (metadata): too many houses"


class TestSearch:
    def test_find_slices_sees_the_names_as_they_are_now(self, case: FakeCase) -> None:
        edit(case, "drop", "tv")
        edit(case, "rename", "television", to="TV set")
        edit(case, "rename_value", "TV set", value="yes", to="switched on")
        made = case.call("find_slices")[0]
        slices = [f.slice for f in made.findings if f.verdict == "confirmed"]
        assert {"TV set": "switched on"} in slices
        assert not any(s and {"television", "tv"} & set(s) for s in slices)
        with pytest.raises(RetryError, match="no attribute"):
            case.call("find_slices", {"attributes": ["tv"]})

    def test_an_attribute_that_failed_its_check_confirms_nothing(self, case: FakeCase) -> None:
        for name in ("television", "tv"):
            edit(case, "drop", name)
        case.call("propose_attributes", {})
        before = case.call("find_slices")[0]
        assert any(f.slice and "screen" in f.slice and f.verdict == "confirmed" for f in before.findings)
        shown = case.attributes().columns["screen"]
        form = case.call("attribute_check", {"attribute": "screen", "n": 40})[0]
        wrong = {i.path: "no" if shown[i.row] == "yes" else "yes" for i in form.images}
        checked = case.call("attribute_check", {"attribute": "screen", "answers": wrong})[0]
        assert checked.fact("accuracy", "attribute screen").value == 0
        after, reused = case.call("find_slices")
        assert not reused
        assert not any(f.slice and "screen" in f.slice for f in after.findings)
        assert any("screen" in n and "checked" in n for n in after.notes)

    def test_a_sound_attribute_goes_on_confirming(self, case: FakeCase) -> None:
        case.call("propose_attributes", {})
        case.call("attribute_check", {"attribute": "screen", "key_column": "television"})
        made = case.call("find_slices", {"attributes": ["screen"]})[0]
        assert any(f.verdict == "confirmed" for f in made.findings)

    def test_a_check_holds_for_the_model_whose_values_were_looked_at(
        self, case: FakeCase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        case.call("propose_attributes", {})
        case.call("attribute_check", {"attribute": "screen", "key_column": "television"})
        (screen,) = [one for one in listed(case) if one.definition.name == "screen"]
        assert screen.definition.check is not None and "right in" in screen.line
        monkeypatch.setattr(case.source("zero_shot"), "fingerprint", lambda view: "another encoder")
        (screen,) = [one for one in listed(case) if one.definition.name == "screen"]
        assert screen.definition.check is None and "right in" not in screen.line

    def test_another_encoder_takes_only_its_own_groups_along(self, tmp_path: Path) -> None:
        table, model = television_world(200)
        train = television_world(100, 1)[0]
        with FakeCase(tmp_path / "case", {"data": table, "train": train}, model) as case:
            case._fake.given_encoder = FakeEncoder()
            case._fake.given_features = {
                s: FakeEncoder().embed_images([t.open(i) for i in range(len(t))])
                for s, t in (("data", table), ("train", train))
            }
            case.call("propose_attributes", {"source": "clusters"})
            assert {"cluster", "scene cluster"} <= names(case)
            other = FakeEncoder()
            other.fingerprint = "another"
            case._fake.given_encoder = case._encoder = other
            made = case.attributes("train")
            assert "another encoder" in made.unusable["scene cluster"]
            assert "cluster" not in made.unusable and None not in made.columns["cluster"].tolist()


class TestConversation:
    @pytest.mark.parametrize(
        ("sentence", "there", "gone"),
        [
            ("rename tv to television set", "television set", "tv"),
            ("Please drop the attribute house.", "tv", "house"),
            ("merge television and tv", "television", "tv"),
            ("merge tv into television", "television", "tv"),
            ("add an attribute tint with values warm, cool", "tint", "lamp"),
        ],
    )
    def test_plain_sentences_change_attributes(
        self, case: FakeCase, sentence: str, there: str, gone: str
    ) -> None:
        session = Session(case)
        events = list(session.say(sentence))
        assert [e.evidence.tool for e in events if isinstance(e, EvidenceMade)] == ["edit_attributes"]
        assert there in names(case) and gone not in names(case)
        session.close()

    def test_two_changes_in_one_sentence_are_made_in_order(self, case: FakeCase) -> None:
        session = Session(case)
        events = list(session.say("merge television and tv into screen device"))
        assert len([e for e in events if isinstance(e, EvidenceMade)]) == 2
        assert "screen device" in names(case) and not {"tv", "television"} & names(case)
        session.close()

    def test_which_attributes_are_there_and_what_a_refusal_says(self, case: FakeCase) -> None:
        session = Session(case)
        events = list(session.say("which attributes are there?"))
        assert [e.evidence.tool for e in events if isinstance(e, EvidenceMade)] == ["attribute_overview"]
        events = list(session.say("drop the attribute door"))
        assert any(isinstance(e, ToolFailed) for e in events)
        assert "no attribute 'door'" in [e for e in events if isinstance(e, PlannerSaid)][-1].text
        session.close()

    def test_other_questions_go_where_they_went(self, case: FakeCase) -> None:
        session = Session(case)
        events = list(session.say("On which images does it fail?"))
        assert "find_slices" in [e.evidence.tool for e in events if isinstance(e, EvidenceMade)]
        session.close()

    def test_the_slash_command_lists_and_edits(self, case: FakeCase) -> None:
        session = Session(case)
        assert "/attributes" in session.actions()
        (said,) = session.act("/attributes")
        assert isinstance(said, PlannerSaid) and "- house (metadata): " in said.text
        (made,) = session.act("/attributes rename house to home")
        assert isinstance(made, EvidenceMade) and "home" in names(case)
        (made,) = session.act("/attributes drop home")
        (said,) = session.act("/attributes list the attributes")
        assert isinstance(said, PlannerSaid) and "- home (metadata): put aside" in said.text
        (notice,) = session.act("/attributes drop door")
        assert isinstance(notice, Notice) and "Choose from" in notice.text
        (notice,) = session.act("/attributes dance")
        assert isinstance(notice, Notice) and "/attributes rename" in notice.text
        (made,) = session.act("/attributes add tint: warm, cool")
        assert isinstance(made, EvidenceMade) and "tint" in names(case)
        session.close()

    def test_a_language_model_proposes_edits_and_is_refused_in_words(self, case: FakeCase) -> None:
        hostile = [{"name": f"<{i}>", "values": ["a", "b"]} for i in range(400)]
        planner = ScriptedPlanner(
            [
                call("propose_attributes", attributes=hostile),
                call("propose_attributes", attributes=[{"name": "room", "values": ["red_room", "blue_room"]}]),
                call("edit_attributes", action="explode", attribute="tv"),
                call("edit_attributes", action="rename", attribute="tv", to="telly"),
                call("attribute_check", attribute="telly"),
                "Done.",
            ]
        )  # fmt: skip
        session = Session(case, planner=planner, policy="auto")
        events = list(session.say("tidy up the attributes"))
        failed = [e.message for e in events if isinstance(e, ToolFailed)]
        assert len(failed) == 3
        assert "markup" in failed[0] and "class itself" in failed[1] and "action" in failed[2]
        assert "telly" in names(case)
        session.close()


KNOWN = Names(
    {
        "tv": ["yes", "no"],
        "sofa": ["yes", "no"],
        "couch": ["yes", "no"],
        "colour": ["grey", "gray"],
        "blur": [],
    },
    ["old one"],
)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("rename gray to grey", {"action": "rename_value", "attribute": "colour", "value": "gray", "to": "grey"}),
        ("merge grey and gray", {"action": "merge_values", "attribute": "colour", "values": ["grey", "gray"]}),
        ("could you rename the value gray of colour to grey?", {"action": "rename_value", "attribute": "colour", "value": "gray", "to": "grey"}),
        ("merge sofa and couch", {"action": "merge", "attribute": "couch", "to": "sofa"}),
        ("drop blur", {"action": "drop", "attribute": "blur"}),
        ("bring back old one", {"action": "restore", "attribute": "old one"}),
        ("add an attribute called “time of day”: day, night", {"action": "add", "attribute": "time of day", "values": ["day", "night"]}),
        ("leave out the value grey of colour", {"action": "drop_value", "attribute": "colour", "value": "grey"}),
        ("add the value pink to colour", {"action": "add_value", "attribute": "colour", "value": "pink"}),
        ("check sofa against column key", {"attribute": "sofa", "key_column": "key"}),
        ("is the attribute sofa right?", {"attribute": "sofa"}),
        ("suggest some attributes by clusters", {"source": "clusters"}),
        ("group the images by looks", {"source": "clusters"}),
    ],
)  # fmt: skip
def test_sentences_are_read(sentence: str, expected: dict[str, Any]) -> None:
    ((_, arguments),) = calls(sentence, KNOWN)
    assert arguments == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "", "how well does it do?", "merge kitchen and dining room", "remove the television", "drop it", "check the data",
        "is the model right?", "why does it confuse sofa and couch", "add more training images", "drop the learning rate",
        "how can I add an image with a tv", "what if I remove the tv?", "restore the model", "a" * 5000,
    ],
)  # fmt: skip
def test_sentences_about_something_else_are_left_alone(sentence: str) -> None:
    assert calls(sentence, KNOWN) == []


class TestFiles:
    def test_there_and_back_changes_nothing(self, case: FakeCase, tmp_path: Path) -> None:
        edit(case, "rename_value", "house", value="house 1", to="villa")
        edit(case, "drop_value", "house", value="house 2")
        edit(case, "drop", "tv")
        for name in ("a.csv", "a.yaml"):
            assert export(case, tmp_path / name) >= 3
            assert read_back(case, tmp_path / name) == []

    @pytest.mark.parametrize("ending", ["csv", "yaml"])
    def test_names_and_values_changed_in_an_editor_are_taken_over(
        self, case: FakeCase, tmp_path: Path, ending: str
    ) -> None:
        file = tmp_path / f"a.{ending}"
        export(case, file)
        text = file.read_text()
        if ending == "csv":
            rows = list(csv.DictReader(text.splitlines()))
            for row in rows:
                row["name"] = {"house": "home"}.get(row["name"], row["name"])
                row["shown_as"] = {"house 1": "villa", "house 2": "villa", "house 3": ""}.get(
                    row["value"], row["shown_as"]
                )
                row["keep"] = "no" if row["name"] == "tv" else row["keep"]
            with file.open("w", newline="") as out:
                writer = csv.DictWriter(out, rows[0])
                writer.writeheader()
                writer.writerows(rows)
        else:
            text = text.replace("name: house", "name: home").replace("house 1: house 1", "house 1: villa")
            text = text.replace("house 2: house 2", "house 2: villa").replace(
                "house 3: house 3", "house 3: ''"
            )
            text = text.replace("name: tv\n  keep: true", "name: tv\n  keep: no")
            file.write_text(text)
        told = read_back(case, file)
        assert any("is called home" in t and "leaves house 3 out" in t for t in told), told
        assert {"home", "television"} <= names(case) and "tv" not in names(case)
        values = set(case.attributes().columns["home"].tolist())
        assert "villa" in values and not {"house 1", "house 2", "house 3"} & values
        assert case.journal.events[-1].data["why"] == f"from a.{ending}"

    def test_names_can_be_swapped(self) -> None:
        one, two = Definition("a", "metadata", "a"), Definition("b", "metadata", "b")
        swapped = [Definition("b", "metadata", "a"), Definition("a", "metadata", "b")]
        order = in_order(swapped, {d.key: d for d in (one, two)})
        shown = {one.key: "a", two.key: "b"}
        for step in order:
            assert step.name not in {n for k, n in shown.items() if k != step.key}
            shown[step.key] = step.name
        assert shown == {one.key: "b", two.key: "a"}

    def test_what_was_merged_is_let_go_when_it_is_kept_again(self, case: FakeCase, tmp_path: Path) -> None:
        edit(case, "merge", "tv", to="television")
        export(case, tmp_path / "a.csv")
        text = (tmp_path / "a.csv").read_text()
        lines = [line for line in text.split("\n") if not line.startswith("metadata:television,")]
        (tmp_path / "b.csv").write_text("\n".join(lines).replace("metadata:tv,tv,no", "metadata:tv,tv,yes"))
        told = read_back(case, tmp_path / "b.csv")
        assert sorted(told) == ["television no longer holds tv.", "tv is back."]
        assert {d.name: d.also for d in case.definitions()} == {"television": (), "tv": ()}

    def test_a_name_that_only_another_split_has_is_refused_before_anything_changes(
        self, tmp_path: Path
    ) -> None:
        table, model = television_world(60)
        more, _ = television_world(60)
        table.columns["tv"], more.columns["weather"] = ["yes", "no"] * 30, ["wet", "dry"] * 30
        made = FakeCase(tmp_path / "case", {"data": table, "train": more}, model)
        export(made, tmp_path / "a.csv")
        text = (tmp_path / "a.csv").read_text()
        (tmp_path / "b.csv").write_text(
            text.replace("metadata:television,television", "metadata:television,screen").replace(
                "metadata:tv,tv", "metadata:tv,Weather"
            )
        )
        events = len(made.journal)
        with pytest.raises(UserError, match="two attributes are called"):
            read_back(made, tmp_path / "b.csv")
        assert len(made.journal) == events
        made.close()

    def test_letters_of_another_coding_are_not_dropped_in_silence(
        self, case: FakeCase, tmp_path: Path
    ) -> None:
        export(case, tmp_path / "a.csv")
        text = (tmp_path / "a.csv").read_text().replace(",tv,", ",Küche,")
        (tmp_path / "b.csv").write_bytes(text.encode("latin-1"))
        with pytest.raises(UserError, match="save it as CSV UTF-8"):
            read_back(case, tmp_path / "b.csv")
        (tmp_path / "b.csv").write_text(text, encoding="utf-8")
        assert read_back(case, tmp_path / "b.csv") == ["tv is called Küche."]

    def test_names_as_they_came_with_the_data_pass_however_odd(self, tmp_path: Path) -> None:
        table, model = television_world(60)
        table.columns["<odd> " + "name " * 20] = ["on ", " off"] * 30
        made = FakeCase(tmp_path / "case", {"data": table}, model)
        for ending in ("csv", "yaml"):
            export(made, tmp_path / f"a.{ending}")
            assert read_back(made, tmp_path / f"a.{ending}") == []
        made.close()

    def test_nothing_is_taken_over_unless_all_is_sound(self, case: FakeCase, tmp_path: Path) -> None:
        export(case, tmp_path / "a.csv")
        good = (tmp_path / "a.csv").read_text()
        bad = {
            "no attribute with the key": good.replace("metadata:house", "metadata:elsewhere"),
            "two attributes are called": good.replace(",tv,", ",television,"),
            "has two names": good.replace("metadata:house,house,", "metadata:house,home,", 1),
            "Write yes or no": good.replace("metadata:tv,tv,yes", "metadata:tv,tv,maybe"),
            "is markup": good.replace(",tv,", ",<b>,"),
            "has no value": good.replace("house 1,house 1", "house 99,house 1"),
            "no column shown_as": "key,name,keep,value\nmetadata:tv,tv,yes,yes\n",
            "no column key": "",
            "what the model predicts": good.replace(
                "metadata:house,house,", f"metadata:house,{case.classes[0]},"
            ),
            "shown in two ways": good + "metadata:tv,tv,yes,yes,screen,\n",
        }
        events = len(case.journal)
        for sentence, text in bad.items():
            file = tmp_path / "b.csv"
            file.write_text(text)
            with pytest.raises(UserError, match=sentence):
                read_back(case, file)
        for name, text in {"c.yaml": "[1, 2", "d.yaml": "- a", "e.yaml": "metadata:tv: 3", "f.yaml": "!!python/object:os.system x",
                           "g.yaml": "metadata:tv: {name: tv, keep: [a]}", "h.yaml": "metadata:tv: {name: 2020-99-99}", "i.yaml": "[" * 5000,
                           "j.yaml": "? [a]\n: {name: tv}", "k.yaml": "metadata:tv: {name: tv, values: {'yes': [1]}}"}.items():  # fmt: skip
            (tmp_path / name).write_text(text)
            with pytest.raises(UserError):
                read_back(case, tmp_path / name)
        with pytest.raises(UserError, match="can't be read"):
            read_back(case, tmp_path / "absent.csv")
        with pytest.raises(UserError, match="exists already"):
            export(case, tmp_path / "a.csv")
        with pytest.raises(UserError, match="neither"):
            export(case, tmp_path / "a.txt")
        assert len(case.journal) == events

    @pytest.mark.parametrize("ending", ["csv", "html"])
    def test_a_sheet_is_written_filled_in_and_read_back(
        self, case: FakeCase, tmp_path: Path, ending: str
    ) -> None:
        case.call("propose_attributes", {})
        form = case.call("attribute_check", {"attribute": "screen", "n": 12})[0]
        sheet = tmp_path / f"sheet.{ending}"
        write_sheet(case, form, "screen", ["yes", "<no>"], sheet)
        text = sheet.read_text()
        assert all(i.path in text for i in form.images)
        if ending == "html":
            assert text.count("data:image/jpeg;base64,") == 12
            assert "<no>" not in text and "&lt;no&gt;" in text and 'src="http' not in text
            with pytest.raises(UserError, match="the sheet itself"):
                read_answers(sheet)
            return
        with pytest.raises(UserError, match="holds no answer"):
            read_answers(sheet)
        done = tmp_path / "done.csv"
        done.write_text(
            "\ufeffpath;answer\r\n" + "".join(f"{i.path};yes\r\n" for i in form.images[:3]), encoding="utf-8"
        )
        assert read_answers(done) == dict.fromkeys((i.path for i in form.images[:3]), "yes")
        done.write_text("path,answer\na,yes\na,no\n")
        with pytest.raises(UserError, match="occurs twice"):
            read_answers(done)


def test_what_there_is_is_listed(case: FakeCase) -> None:
    case.call("propose_attributes", {})
    case.call("attribute_check", {"attribute": "screen", "key_column": "television"})
    edit(case, "merge", "tv", to="television")
    lines = {one.definition.name: one for one in listed(case)}
    assert "with tv merged in" in lines["television"].line
    assert "looked at" in lines["screen"].line
    assert lines["tv"].line == "tv (metadata): put aside"
    assert sum(lines["house"].counts.values()) == 400
    assert json.loads(json.dumps([one.to_json() for one in lines.values()]))
    assert attribute_values(case)["screen"] == ["yes", "no"]
    assert "tv" not in attribute_values(case)
