"""Expectations of people, reviews of single errors, and the sign-off: journalled, attributed, told in the report."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from failsight.agent import open_case
from failsight.agent.cli import main
from failsight.agent.journal import Journal, verify
from failsight.agent.narrate import check_report, write_reports
from failsight.agent.people.expect import disagreements, read, read_costs, set_all, write_template
from failsight.agent.people.reviews import export, newest, read_back
from failsight.agent.people.signoff import basis, page, sentence, sign, signoffs, stale_sentence
from failsight.agent.session import Session
from failsight.agent.state import fold
from failsight.tools.errors import RetryError, UserError
from tests.fakes.case import FakeCase, television_world
from tests.fakes.page import Page

RED, BLUE = "red_room", "blue_room"


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(240)
    return FakeCase(tmp_path / "case", {"data": table}, model)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A black box of 60 images whose predictions are in a CSV: a case that the command line opens."""
    from PIL import Image

    data = tmp_path / "data"
    lines = ["path,label,prediction"]
    for i in range(60):
        label = (RED, BLUE)[i % 2]
        (data / label).mkdir(parents=True, exist_ok=True)
        name = f"{label}/{i:03d}.png"
        Image.new("RGB", (8, 8), (200, 0, i) if i % 2 == 0 else (0, i, 200)).save(data / name)
        lines.append(f"{name},{label},{label if i % 5 else (BLUE, RED)[i % 2]}")
    (tmp_path / "answers.csv").write_text("\n".join(lines) + "\n")
    open_case(predictions=tmp_path / "answers.csv", data=data, out=tmp_path / "case").close()
    return tmp_path / "case"


class TestExpect:
    def test_demands_are_attributed_and_another_persons_bound_is_named(self, case: FakeCase) -> None:
        set_all(case, [read("accuracy>=0.9", case.classes)], "Ann (requester)")
        told = set_all(case, [read("accuracy at least 80 %", case.classes)], "Bob (domain expert)")
        assert told == [
            "Ann (requester) had set accuracy ≥ 90.0 %; Bob (domain expert) says ≥ 80.0 %, which holds now."
        ]
        assert case.expectations[0].by == "Bob (domain expert)"
        ((name, said),) = disagreements(case.journal.events)
        assert name == "accuracy" and [s[:2] for s in said] == [
            ("Ann (requester)", 0.9),
            ("Bob (domain expert)", 0.8),
        ]
        set_all(case, [read("accuracy>=0.8", case.classes)], "Ann (requester)")
        assert disagreements(case.journal.events) == []

    @pytest.mark.parametrize(
        ("text", "name", "bound"),
        [
            ("accuracy[television=yes]>=0.8", "accuracy[television=yes]", 0.8),
            ("accuracy where television is yes at least 80 %", "accuracy[television=yes]", 0.8),
            ("worst group over television at least 70 %", "worst_group[television]", 0.7),
            ("red room taken for blue room at most 1 %", f"confusion.{RED}>{BLUE}", 0.01),
            (f"cost.{RED}>{BLUE}=5", f"cost.{RED}>{BLUE}", 5),
            ("taking a red room for a blue room costs 2.5", f"cost.{RED}>{BLUE}", 2.5),
            ("expected cost at most 3", "expected_cost", 3),
            ("unacceptable errors at most 10 %", "unacceptable_errors", 0.1),
            ("latency_ms<=50", "latency_ms", 50),
        ],
    )
    def test_by_name_and_in_plain_words(self, case: FakeCase, text: str, name: str, bound: float) -> None:
        made = read(text, case.classes)
        assert (made.name, made.bound) == (name, pytest.approx(bound))
        case.expect(made.name, made.bound, at_least=made.at_least, by="Ann")
        assert case.call("readiness")[0].tool == "readiness"

    @pytest.mark.parametrize(
        "text",
        [
            "be good",
            "recall.attic>=0.8",
            "cost.attic>hall=5",
            f"confusion.{RED}>{RED}<=0.1",
            "beauty>=0.8",
            "accuracy>=170 %",
            f"cost.{RED}>{BLUE}=1e9",
        ],
    )
    def test_what_can_not_be_meant_is_refused(self, case: FakeCase, text: str) -> None:
        with pytest.raises(UserError):
            read(text, case.classes)
        assert not case.expectations

    def test_a_matrix_of_costs_there_and_back(self, case: FakeCase, tmp_path: Path) -> None:
        case.expect(f"cost.{RED}>{BLUE}", 4)
        write_template(case, tmp_path / "costs.csv")
        rows = list(csv.reader((tmp_path / "costs.csv").open()))
        assert rows == [["true \\ predicted", RED, BLUE], [RED, "", "4"], [BLUE, "", ""]]
        (tmp_path / "filled.csv").write_text(
            f"\ufefftrue;{RED};{BLUE}\n{RED};0;4,5\n{BLUE};2;\n", encoding="utf-8"
        )
        made = {c.name: c.bound for c in read_costs(tmp_path / "filled.csv", case.classes)}
        assert made == {f"cost.{RED}>{BLUE}": 4.5, f"cost.{BLUE}>{RED}": 2}
        (tmp_path / "list.csv").write_text(f"true,predicted,cost\n{RED},{BLUE},7\n")
        assert [c.bound for c in read_costs(tmp_path / "list.csv", case.classes)] == [7]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("true,predicted,cost\nattic,red_room,1\n", "no class 'attic'"),
            ("true,predicted,cost\nred_room,blue_room,dear\n", "no number"),
            ("true,predicted,cost\nred_room,blue_room,nan\n", "can't be"),
            ("true,predicted,cost\nred_room,blue_room,-1\n", "can't be"),
            ("true,predicted,cost\nred_room,red_room,1\n", "can't cost anything"),
            ("true,predicted,cost\nred_room,blue_room,1\nred_room,blue_room,2\n", "twice"),
            ("", "holds no cost"),
            ("x,red_room,blue_room\nred_room,,\n", "holds no cost"),
        ],
    )
    def test_a_broken_file_sets_nothing(self, case: FakeCase, tmp_path: Path, text: str, words: str) -> None:
        (tmp_path / "x.csv").write_text(text)
        with pytest.raises(UserError, match=words):
            read_costs(tmp_path / "x.csv", case.classes)

    def test_in_conversation_with_who_says_it(self, case: FakeCase) -> None:
        session = Session(case)
        list(session.act("/expect red room taken for blue room at most 1 %, says Ann"))
        list(session.act(f"/expect cost.{RED}>{BLUE} = 5"))
        assert [(e.name, e.bound, e.at_least, e.by) for e in case.expectations] == [
            (f"confusion.{RED}>{BLUE}", 0.01, False, "Ann"), (f"cost.{RED}>{BLUE}", 5, False, "person")]  # fmt: skip

    def test_on_the_command_line(
        self, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert (
            main(
                [
                    "expect",
                    str(folder),
                    f"cost.{RED}>{BLUE}=5",
                    "expected_cost<=0.9",
                    "worst_recall>=0.5",
                    "--by",
                    "Ann",
                ]
            )
            == 0
        )
        assert "(Ann)" in capsys.readouterr().out
        assert main(["expect", str(folder), "expected_cost<=0.8", "--by", "Bob"]) == 0
        said = capsys.readouterr().out
        assert "Ann had set expected_cost ≤ 0.9" in said and "They differ on expected_cost" in said
        assert main(["expect", str(folder), "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["expectations"]) == 3
        assert main(["expect", str(folder), "nonsense"]) == 2
        assert main(["expect", str(tmp_path), "accuracy>=0.9"]) == 2
        assert main(["expect", str(folder), "--costs-template", str(tmp_path / "c.csv")]) == 0
        assert main(["expect", str(folder), "--costs", str(tmp_path / "c.csv"), "--by", "Cy"]) == 0
        capsys.readouterr()
        assert main(["call", str(folder), "readiness"]) == 0
        assert "What confusions cost" in capsys.readouterr().out


class TestReviews:
    def judged(self, case: FakeCase, tmp_path: Path, by: str, bad: int, n: int = 12) -> None:
        sheet = tmp_path / f"{by}.csv"
        export(case, sheet, n=n)
        rows = list(csv.DictReader(sheet.open()))
        for i, row in enumerate(rows):
            row["verdict"] = "unacceptable" if i < bad else "acceptable"
            row["could_a_person_err"] = "yes"
        with open(sheet, "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        read_back(case, sheet, by=by)

    def test_there_and_back_by_two_people(self, case: FakeCase, tmp_path: Path) -> None:
        self.judged(case, tmp_path, "Ann", 3)
        self.judged(case, tmp_path, "Bob", 5)
        made = newest(case)
        assert made is not None and made.fact("agreement").value == pytest.approx(10 / 12)
        assert made.fact("unacceptable_share", "by Ann").value == pytest.approx(
            0.33446, abs=1e-4
        )  # not 3 of 12: weighted back
        case.expect("unacceptable_errors", 0.2, by="Ann")
        judged = case.call("readiness")[0].fact("criterion", "unacceptable_errors")
        assert judged.value == made.fact("unacceptable_share").value
        assert verify(case.folder)[1] == []

    def test_thinking_better_of_it_twice_is_kept(self, case: FakeCase, tmp_path: Path) -> None:
        for name, bad in (("a", 3), ("b", 6), ("c", 3)):
            (tmp_path / name).mkdir()
            self.judged(case, tmp_path / name, "Ann", bad)
        made = newest(case)
        assert made is not None and made.id == case.evidence("review_errors")[-1].id
        assert len(case.evidence("review_errors")) == 6  # three drawn and three said
        assert list(made.arguments["answers"].values()).count("unacceptable") == 3

    def test_the_page_opens_offline_hides_the_answer_and_holds_hostile_names(self, tmp_path: Path) -> None:
        table, model = television_world(120)
        table.classes = model.classes = ("<script>alert(1)</script>", 'b"&\u202e')
        case = FakeCase(tmp_path / "case", {"data": table}, model)
        n = export(case, tmp_path / "x.html", n=8)
        page_ = Page.of(tmp_path / "x.html")
        assert page_.wrong == [] and len(page_.all("fieldset")) == n == 8
        assert len(page_.all("script")) == 1 and all(
            i["src"].startswith("data:image/jpeg") for i in page_.all("img")
        )
        assert "default-src 'none'" in page_.all("meta")[1]["content"]
        assert len(page_.all("details")) == 8  # what label and model say stands behind it
        assert len({i["id"] for i in page_.all("input") if "id" in i}) == 17

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("path,verdict\nimg_00001.png,maybe\n", "no verdict"),
            ("path,verdict\nnowhere.png,yes\n", "no image"),
            ("path,verdict\nimg_00001.png,\n", "no judgement"),
            ("path,verdict\nimg_00001.png,yes\nimg_00001.png,no\n", "twice"),
            ("a,b\n1,2\n", "no column path"),
        ],
    )
    def test_what_can_not_be_read_is_said_and_nothing_is_kept(
        self, case: FakeCase, tmp_path: Path, text: str, words: str
    ) -> None:
        (tmp_path / "x.csv").write_text(text)
        with pytest.raises(UserError, match=words):
            read_back(case, tmp_path / "x.csv", by="Ann")
        assert newest(case) is None
        (tmp_path / "y.csv").write_text("path,verdict\nimg_00001.png,yes\n")
        with pytest.raises(UserError, match="Nobody signed"):
            read_back(case, tmp_path / "y.csv", by=" ")

    def test_on_the_command_line(
        self, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        assert main(["reviews", "show", str(folder)]) == 0
        assert "Nobody has judged" in capsys.readouterr().out
        sheet = tmp_path / "r.csv"
        assert main(["reviews", "export", str(folder), str(sheet), "--n", "10"]) == 0
        assert main(["reviews", "export", str(folder), str(sheet)]) == 2  # it may hold somebody's work
        sheet.write_text(sheet.read_text().replace(",,,,", ",,no,yes,"))
        assert main(["reviews", "import", str(folder), str(sheet), "--by", "Ann", "--json"]) == 0
        assert "weighted back from 10 that Ann judged" in capsys.readouterr().out
        assert main(["reviews", "import", str(folder), str(tmp_path / "x.html"), "--by", "Ann"]) == 2
        assert main(["reviews", "export", str(folder), str(tmp_path / "x.pdf")]) == 2
        assert main(["reviews", "export", str(folder)]) == 2

    def test_a_planner_can_not_speak_for_a_person(self, case: FakeCase) -> None:
        from failsight.agent.bindings import bind
        from failsight.tools.registry import registry

        path = case.call("review_errors", {"n": 8}, by="planner")[0].images[0].path
        for by in ("planner", "mcp"):
            with pytest.raises(RetryError, match="Only a person"):
                case.call("review_errors", {"n": 8, "answers": {path: "acceptable"}, "by": "Ann"}, by=by)
        assert set(registry()["review_errors"].offered["properties"]) == {"n", "image", "note", "split"}
        schema = next(t.args_schema for t in bind(case) if t.name == "review_errors")
        assert "answers" not in str(schema)


class TestSignOff:
    def test_it_rests_on_the_evidence_and_goes_stale_with_later_evidence(self, case: FakeCase) -> None:
        case.expect("accuracy", 0.5, by="Ann")
        made = sign(case, "Ann (requester)", "ready", "fine for the pilot")
        assert (made.verdict, made.against, made.stale) == ("ready", "", False)
        assert made.evidence == case.state().latest("readiness").id  # type: ignore[union-attr]
        case.call("readiness")  # measured nothing new
        assert not signoffs(case.journal.events, case.state())[0].stale
        case.call("evaluate")
        (old,) = signoffs(case.journal.events, case.state())
        assert old.stale and "evaluate" in stale_sentence(old)
        case.expect("accuracy", 0.6)
        assert "the expectation accuracy" in signoffs(case.journal.events, case.state())[0].since

    def test_against_the_statistics_is_allowed_and_shown(self, case: FakeCase) -> None:
        case.expect("accuracy", 0.999)
        made = sign(case, "Bob", "ready")
        assert "against the statistics: although not all expectations hold (accuracy)" in sentence(made)
        strict = sign(case, "Ann", "not-ready", "too dear")
        assert strict.against == "" and "not ready" in sentence(strict)

    def test_without_a_decision_the_statistics_speak_where_they_can(self, case: FakeCase) -> None:
        with pytest.raises(UserError, match="decide nothing"):
            sign(case, "Ann")
        case.expect("accuracy", 0.5)
        assert sign(case, "Ann").decision == "ready"

    @pytest.mark.parametrize(
        "given",
        [("", "ready", ""), ("\u202e\n", "ready", ""), ("Ann", "maybe", ""), ("Ann", "conditional", " ")],
    )
    def test_what_is_no_sign_off(self, case: FakeCase, given: tuple[str, str, str]) -> None:
        with pytest.raises(UserError):
            sign(case, *given)
        assert not signoffs(case.journal.events, case.state())

    def test_the_same_person_again_replaces_and_others_stand_beside(self, case: FakeCase) -> None:
        case.expect("accuracy", 0.5)
        for by, decision in (("Ann", "ready"), ("Bob", "conditional"), ("ann ", "not-ready")):
            sign(case, by, decision, "only by day")
        made = signoffs(case.journal.events, case.state())
        assert [o.replaced for o in made] == [True, False, False]

    def test_the_digest_is_of_what_it_rests_on(self, case: FakeCase) -> None:
        before = basis(case.state())
        case.call("describe_case")
        after = basis(case.state())
        assert len(after["evidence"]) == len(before["evidence"]) + 1
        assert basis(fold(case.journal)) == after

    def test_the_report_tells_it_and_says_when_it_is_stale(self, case: FakeCase) -> None:
        case.expect("accuracy", 0.999, by="Ann")
        sign(case, "Bob <script>", "conditional", "only `by day` | *please*")
        write_reports(case.folder, case.state(), case.journal.events)
        text = (case.folder / "report.md").read_text()
        assert "## Who signed it off" in text and "It was signed off against what the statistics say." in text
        shown = Page.of(case.folder / "report.html")
        assert shown.wrong == [] and "signoff" in shown.ids and not shown.all("script")
        told = json.loads((case.folder / "findings.json").read_text())["signoffs"]
        assert told[0]["against"] is True and told[0]["stale"] is False
        assert check_report(case.folder) == []
        case.call("evaluate")
        assert any("older than the journal" in p for p in check_report(case.folder))
        write_reports(case.folder, case.state(), case.journal.events)
        assert "the evidence has moved since" in (case.folder / "report.md").read_text()

    def test_nobody_decided_is_said_too(self, case: FakeCase) -> None:
        case.call("evaluate")
        write_reports(case.folder, case.state(), case.journal.events)
        assert "Nobody has signed it off" in (case.folder / "report.md").read_text()
        assert "signoffs" not in json.loads((case.folder / "findings.json").read_text())
        assert any("Nobody has signed it off" in line for line in page(case.state(), case.journal.events))

    def test_on_the_command_line(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["signoff", str(folder)]) == 0
        assert "Nobody has signed it off." in capsys.readouterr().out
        assert main(["signoff", str(folder), "--decision", "ready"]) == 2
        assert main(["expect", str(folder), "accuracy>=0.95"]) == 0
        assert (
            main(["signoff", str(folder), "--by", "Ann", "--decision", "ready", "--note", "we need it now"])
            == 0
        )
        assert "against the statistics" in capsys.readouterr().out
        assert main(["signoff", str(folder), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["by"] == "Ann"
        assert main(["verify", str(folder)]) == 0
        assert [e.kind for e in Journal(folder, write=False).events if e.kind == "signoff.given"] == [
            "signoff.given"
        ]

    def test_in_conversation(self, case: FakeCase, tmp_path: Path) -> None:
        session = Session(case)
        case.expect("accuracy", 0.5)
        (told,) = session.act("/signoff conditional by Ann (requester): only by day")
        assert "ready under conditions" in told.text  # type: ignore[union-attr]
        (told,) = session.act("/signoff")
        assert "Ann (requester) signed it off" in told.text  # type: ignore[union-attr]
        (told,) = session.act("/reviews")
        assert (case.folder / "errors-to-judge.html").is_file() and "errors-to-judge.html" in told.text  # type: ignore[union-attr]
        with pytest.raises(UserError, match="no decision"):
            list(session.act("/signoff maybe"))
        path = case.evidence("review_errors")[-1].images[0].path
        (tmp_path / "r.csv").write_text(f"path,verdict\n{path},no\n")
        (told,) = session.act(f"/reviews {tmp_path / 'r.csv'} by Ann")
        assert "can't be accepted" in told.text  # type: ignore[union-attr]

    def test_a_forged_decision_is_found(self, case: FakeCase) -> None:
        case.expect("accuracy", 0.5)
        sign(case, "Ann", "not-ready")
        case.close()
        path = case.folder / "journal.jsonl"
        path.write_text(path.read_text().replace('"not-ready"', '"ready"'))
        assert verify(case.folder)[1]
