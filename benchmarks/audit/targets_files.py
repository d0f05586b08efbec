"""Targets that read files: manifests, side files, journals, findings, configurations, tables that people fill in."""

from __future__ import annotations

import copy
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.audit.fuzz import PromiseError, Target

CLASSES = ("bathroom", "bedroom", "dining_room", "kitchen", "living_room")
MANIFEST = 'path,label,split,lighting,boxes\na.png,kitchen,test,dark,"{""tv"": [[0.1, 0.2, 0.5, 0.6]]}"\nb.png,bedroom,test,bright,\n../c.png,bathroom,train,,[]\n'
PREDICTIONS = "path,label,p_kitchen,p_bedroom,date\na.png,kitchen,0.7,0.3,2024-01-02\nb.png,bedroom,0.2,0.8,\nc.png,kitchen,nan,0.5,x\n"
SIDE = {
    "classes": list(CLASSES), "input_size": [224, 224], "crop": "center", "resize": 256, "interpolation": "bilinear",
    "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": 0.00392156862745098, "channels": "RGB",
    "layout": "NCHW", "outputs": "logits", "feature_layer": "layer3.2", "arch": "module:factory", "preprocessing": {"mean": 0.5},
}  # fmt: skip
CASE = 'name = "rooms"\ntask = "say the room"\nmodel = "/m/model.pt"\ndata = "/d/test.csv"\nseed = 3\ntrust_code = false\nlevel = "novice"\nplanner = "guided"\n[class_map]\n"a" = "b"\n'
POLICY = 'allow = ["heavy", "retrain"]\ndeny = ["robustness_probe"]\nseconds = 600\n'
NOTE = "---\nid: mine\ntopic: input\nsteps: [context]\naliases: [a, b]\n---\n# About our cameras\n\nThe lenses were changed in May.\n\n## Night\n\nDark pictures come from camera 3.\n"
ENTRY = "id: mine\ntitle: Our cameras\nkind: note\nlevel: novice\ntopic: input\ntext: >\n  The lenses were changed.\naliases: [lens, glass]\nentries:\n- title: A\n  text: B\n- {title: C, text: D}\n"
HISTORY_CSV = "epoch,train_loss,val_loss,val_acc,lr\n1,1.2,1.3,0.5,0.1\n2,0.9,1.0,0.6,0.1\n3,0.5,1.2,,0.01\n"
HISTORY = {
    "log_history": [
        {"epoch": 1.0, "step": 10, "loss": 1.2, "learning_rate": 0.1},
        {"epoch": 1.0, "eval_loss": 1.3, "eval_accuracy": 0.5, "step": 10},
        {"epoch": 2.0, "step": 20, "loss": 0.7, "grad_norm": 3.0},
    ],
    "best_metric": 0.5,
}
ATTRIBUTES = "key,name,keep,value,shown_as,images\nmetadata:lighting,lighting,yes,dark,dark,10\nmetadata:lighting,lighting,yes,bright,light,12\n"
ATTRIBUTES_YAML = (
    "metadata:lighting:\n  name: lighting\n  keep: yes\n  values:\n    dark: dark\n    bright: light\n"
)
ANSWERS = "path,answer,choices\na.png,yes,yes | no | ?\nb.png,?,yes | no | ?\n"
COSTS = 'true \\ predicted,kitchen,bedroom,bathroom\nkitchen,,5,1\nbedroom,2,0,\nbathroom,"1,5",3,\n'
COST_LIST = "true,predicted,cost\nkitchen,bedroom,5\nbedroom,kitchen,0.5\n"
LABELS = "path,label,suggested_label,score,new_label\na.png,kitchen,bedroom,0.9,kitchen\nb.png,bedroom,kitchen,0.8,?\n"
REVIEWS = "path,true,predicted,verdict,could_a_person_err,why,own_answer,by\na.png,kitchen,bedroom,minor,yes,dark,hall,Ann\n"


class Desk:
    """A folder on the fastest disk there is, for inputs that must be files; and one small case, made once."""

    def __init__(self) -> None:
        place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.holder = tempfile.TemporaryDirectory(dir=place, prefix="failsight-audit-")
        self.folder = Path(self.holder.name)
        self._case: Any = None

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return path

    @property
    def case(self) -> Any:
        """A real case over made pictures: two measurements, an expectation, a conversation."""
        if self._case is None:
            from tests.fakes.case import FakeCase, television_world

            table, model = television_world(120)
            self._case = FakeCase(self.folder / "case", {"data": table}, model)
            self._case.expect("accuracy", 0.9)
            self._case.call("evaluate", {})
            self._case.call("find_slices", {"depth": 1})
            self._case.record("message", role="person", text="Why is the kitchen wrong?")
        return self._case

    def read(self, name: str, use: Callable[[Path], object]) -> Callable[[Any], object]:
        """A call that writes its input to a file of this name first."""
        return lambda given: use(self.file(name, given))


def targets(desk: Desk) -> Iterator[Target]:
    yield from _inputs(desk)
    yield from _case_files(desk)
    yield from _people(desk)


def _inputs(desk: Desk) -> Iterator[Target]:
    from failsight.tools.history.record import UnreadableRecordError, read_record
    from failsight.tools.inputs.base import BadImage
    from failsight.tools.inputs.blackbox import open_black_box
    from failsight.tools.inputs.classes import match_labels
    from failsight.tools.inputs.columns import parse_boxes, typed_columns
    from failsight.tools.inputs.images import decode
    from failsight.tools.inputs.manifest import read_manifest
    from failsight.tools.inputs.models.protobuf import external_files
    from failsight.tools.inputs.models.side import read_side

    def manifest(path: Path) -> object:
        return read_manifest(path, split="data", choose=None, labelled=None)

    def boxes(value: Any) -> None:
        for found in parse_boxes([value], []):
            for several in found.values():
                for box in several:
                    if not all(0 <= x <= 1 for x in box):
                        raise PromiseError(f"a box outside the picture: {box}")

    def labels(value: Any) -> object:
        names = value if isinstance(value, list) else [value]
        return match_labels([v if isinstance(v, str) else None for v in names], CLASSES, {}, "here")

    yield Target("manifest CSV", "text", [MANIFEST, MANIFEST.replace(",", ";")], desk.read("m.csv", manifest))
    yield Target(
        "manifest CSV, bytes",
        "raw",
        [MANIFEST.encode(), MANIFEST.encode("utf-16"), MANIFEST.encode("latin-1")],
        desk.read("m.csv", manifest),
    )
    yield Target("manifest Parquet", "raw", [_parquet()], desk.read("m.parquet", manifest), share=0.3)
    yield Target("predictions CSV", "text", [PREDICTIONS], desk.read("p.csv", open_black_box), share=0.2)
    yield Target("typed columns", "tree", [{"a": ["1", "2", None], "b": ["2024-01-01", "x"], "c": ["1,5", "2,5"], "d": [True, 1]}],
                 lambda v: typed_columns({str(k): x for k, x in v.items() if isinstance(x, list)}, []) if isinstance(v, dict) else None)  # fmt: skip
    yield Target("object boxes", "tree", [{"tv": [[0.1, 0.2, 0.5, 0.6]]}, [["tv", [[0, 0, 1, 1]]]]], boxes)
    yield Target("object boxes, text", "text", ['{"tv": [[0.1, 0.2, 0.5, 0.6]], "cat": []}'], boxes)
    yield Target("labels and classes", "tree", [["kitchen", "Bedroom", "3", None, "living room"]], labels)
    yield Target("model.json", "tree", [SIDE], lambda v: read_side(desk.file("model.json", json.dumps(v))))
    yield Target("model.json, bytes", "raw", [json.dumps(SIDE).encode()], desk.read("model.json", read_side))
    fine = (UnreadableRecordError,)
    yield Target("training record CSV", "text", [HISTORY_CSV], desk.read("h.csv", read_record), fine)
    yield Target(
        "training record JSON",
        "tree",
        [HISTORY],
        lambda v: read_record(desk.file("trainer_state.json", json.dumps(v))),
        fine,
    )
    yield Target(
        "training record events", "raw", [_events()], desk.read("events.out.tfevents.1", read_record), fine
    )
    yield Target("pictures", "raw", [*_pictures()], decode, (BadImage,), share=0.5)
    yield Target(
        "ONNX outer files", "raw", [_onnx_like()], desk.read("m.onnx", external_files), (ValueError,)
    )


def _case_files(desk: Desk) -> Iterator[Target]:
    from failsight.agent.config import load_config
    from failsight.agent.journal import Journal, verify
    from failsight.agent.narrate import write_reports
    from failsight.agent.narrate.check import check_report
    from failsight.agent.narrate.findings import findings_bytes, findings_document, load_findings
    from failsight.agent.policy import load_policy
    from failsight.agent.state import fold

    case = desk.case
    place = desk.folder / "broken"
    place.mkdir()
    whole = (case.folder / "journal.jsonl").read_bytes()
    head = (case.folder / "journal.head").read_bytes()
    events = [json.loads(line) for line in whole.splitlines()]
    document = findings_document(case.state(), case.journal.events)
    write_reports(case.folder, case.state(), case.journal.events)
    reports = {
        name: (case.folder / name).read_bytes() for name in ("report.html", "report.md", "findings.json")
    }

    def config(content: Any) -> object:
        (place / "case.toml").write_bytes(content.encode("utf-8", "surrogatepass"))
        made = load_config(place)
        made.slug(), made.sources()
        return made

    def journal(content: bytes, top: bytes = head) -> None:
        (place / "journal.jsonl").write_bytes(content)
        (place / "journal.head").write_bytes(top)
        _, problems = verify(place)
        kept = Journal(place, write=False).events
        if content != whole and not problems:
            raise PromiseError("a changed journal was called whole")
        if not problems:
            fold(kept)

    def resealed(made: Any) -> None:
        """Changed events with hashes of their own that fit; the links to their neighbours do not."""
        from failsight.tools.evidence import digest

        for event in made if isinstance(made, list) else ():
            if isinstance(event, dict) and event not in events:
                event["hash"] = digest({k: event.get(k) for k in ("seq", "time", "kind", "data", "prev")})
        journal(lines(made))

    def forged(made: Any) -> None:
        """Events that somebody wrote by hand, with hashes that fit: what reads the case must say so in a sentence."""
        (place / "journal.jsonl").write_bytes(rehashed(made))
        (place / "journal.head").unlink(missing_ok=True)
        verify(place)
        fold(Journal(place, write=False).events)

    def report(name: str) -> Callable[[bytes], object]:
        def call(content: bytes) -> None:
            (case.folder / name).write_bytes(content)
            problems = check_report(case.folder)
            (case.folder / name).write_bytes(reports[name])
            if name != "report.md" and not problems and _said(name, content) != _said(name, reports[name]):
                raise PromiseError(f"a changed {name} passed")

        return call

    yield Target("case.toml", "text", [CASE, (case.folder / "case.toml").read_text()], config)
    yield Target("policy", "text", [POLICY], desk.read("policy.toml", lambda p: load_policy(str(p))))
    yield Target("journal, bytes", "raw", [whole], journal, share=0.3)
    yield Target("journal, events", "tree", [events], lambda v: journal(lines(v)), share=0.2)
    yield Target("journal, resealed events", "tree", [events], resealed, share=0.2)
    yield Target("journal, forged whole", "tree", [events], forged, share=0.2)
    yield Target("journal.head", "raw", [head], lambda v: journal(whole, v), share=0.3)
    yield Target("findings.json", "tree", [json.loads(findings_bytes(document))],
                 lambda v: load_findings(desk.file("findings.json", json.dumps(v))), share=0.3)  # fmt: skip
    yield Target(
        "findings.json, bytes",
        "raw",
        [findings_bytes(document)],
        desk.read("findings.json", load_findings),
        share=0.3,
    )
    for name, content in reports.items():
        yield Target(f"verify {name}", "raw", [content], report(name), share=0.02)


def _people(desk: Desk) -> Iterator[Target]:
    from failsight.agent.people import forms, labels
    from failsight.agent.people.attribute_files import read_back, read_csv
    from failsight.agent.people.attribute_sheet import read_answers
    from failsight.agent.people.expect import read_costs
    from failsight.knowledge_base import user
    from failsight.knowledge_base.elicitation import forms as all_forms
    from failsight.knowledge_base.schema import parse
    from failsight.knowledge_base.store import read_files

    case = desk.case

    def form(text: str) -> None:
        forms.parse(text, CLASSES)

    def own(path: Path) -> None:
        problems: list[str] = []
        for raw in user._read(path, problems):
            entry, _ = parse(raw, mine=False, origin=path.name)
            if entry is not None and (not entry.id.startswith("own.") or entry.mine):
                raise PromiseError("a note passes for one of ours")

    def verdicts(path: Path) -> object:
        return labels._verdicts(labels._rows(path), case.table("data"), path.name)

    filled = [_filled(forms.markdown(f, CLASSES)) for f in all_forms().values()]
    first = case.table("data").paths[:2]
    labelled = (
        LABELS.replace("a.png", first[0])
        .replace("b.png", first[1])
        .replace("kitchen", "red_room")
        .replace("bedroom", "blue_room")
    )
    keys = ATTRIBUTES.replace("lighting", "television").replace("dark", "yes").replace("bright", "no")
    yield Target("forms", "text", filled, form, share=0.5)
    yield Target("knowledge note", "text", [NOTE], desk.read("note.md", own), share=0.5)
    yield Target("knowledge entry", "text", [ENTRY], desk.read("entry.yaml", own), share=0.5)
    yield Target(
        "knowledge entry, bytes",
        "raw",
        [ENTRY.encode()],
        desk.read("entry.yaml", lambda p: read_files([p], mine=False)),
        share=0.5,
    )
    yield Target("labels CSV", "text", [labelled], desk.read("labels.csv", verdicts))
    yield Target(
        "reviews CSV", "text", [REVIEWS], desk.read("reviews.csv", lambda p: read_csv(p, ("path", "verdict")))
    )
    yield Target(
        "attributes CSV",
        "text",
        [keys],
        desk.read("attributes.csv", lambda p: _undone(case, p, read_back)),
        share=0.02,
    )
    yield Target(
        "attributes YAML",
        "text",
        [ATTRIBUTES_YAML.replace("lighting", "television")],
        desk.read("attributes.yaml", lambda p: _undone(case, p, read_back)),
        share=0.02,
    )
    yield Target("answers CSV", "text", [ANSWERS], desk.read("answers.csv", read_answers))
    yield Target(
        "answers CSV, bytes",
        "raw",
        [ANSWERS.encode(), ANSWERS.encode("utf-16")],
        desk.read("answers.csv", read_answers),
    )
    yield Target(
        "costs CSV", "text", [COSTS, COST_LIST], desk.read("costs.csv", lambda p: read_costs(p, CLASSES))
    )


def _undone(case: Any, path: Path, read_back: Callable[[Any, Path], object]) -> object:
    """What would be changed, without keeping it."""
    kept = case.define
    case.define = lambda *_, **__: None
    try:
        return read_back(case, path)
    finally:
        case.define = kept


def lines(events: Any) -> bytes:
    """Events as a journal's file, whatever they are."""
    listed = events if isinstance(events, list) else [events]
    return b"".join(_line(e).encode("utf-8", "surrogatepass") + b"\n" for e in listed)


def _line(event: Any) -> str:
    return json.dumps(event, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def rehashed(events: Any) -> bytes:
    """The same with numbers and hashes that fit, where they are events at all."""
    from failsight.tools.evidence import digest

    prev, made = "0" * 64, []
    for number, event in enumerate(copy.deepcopy(events) if isinstance(events, list) else [], 1):
        if isinstance(event, dict):
            content = {k: event.get(k) for k in ("time", "kind", "data")} | {"seq": number, "prev": prev}
            event = {**content, "hash": digest(content)}
            prev = event["hash"]
        made.append(event)
    return lines(made)


def _filled(form: str) -> str:
    """A form in which every line for an answer holds something."""
    answers = iter(["Ann", "0.9", "some words", "90 %", "kitchen: 0.8", "5"] * 20)
    return "\n".join(
        line.replace("[ ]", "[x]") if "[ ]" in line else f"> {next(answers)}" if line.strip() == ">" else line
        for line in form.splitlines()
    )


def _said(name: str, content: bytes) -> object:
    """What a report file says, where layout may differ: JSON by value."""
    if name != "findings.json":
        return content
    try:
        return json.loads(content)
    except ValueError:
        return content


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(
        pa.table({"path": ["a.png", "b.png"], "label": ["kitchen", "bedroom"], "x": [1.5, None]}), out
    )
    return out.getvalue()


def _pictures() -> Iterator[bytes]:
    from PIL import Image

    picture = Image.effect_noise((24, 16), 60).convert("RGB")
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        out = io.BytesIO()
        picture.save(out, kind)
        yield out.getvalue()


def _events() -> bytes:
    """A TensorBoard file of two scalars, written as the format says (length, check sums, protocol buffers)."""
    import struct

    def field(number: int, kind: int, content: bytes) -> bytes:
        return bytes([number << 3 | kind]) + content

    def sized(number: int, content: bytes) -> bytes:
        return field(number, 2, bytes([len(content)]) + content)

    made = b""
    for step, value in enumerate((1.0, 0.5)):
        scalar = sized(1, b"train/loss") + field(2, 5, struct.pack("<f", value))
        event = field(1, 1, struct.pack("<d", 1.0)) + field(2, 0, bytes([step])) + sized(5, sized(1, scalar))
        made += struct.pack("<Q", len(event)) + b"\0" * 4 + event + b"\0" * 4
    return made


def _onnx_like() -> bytes:
    """Nested length-delimited fields, as ONNX lays out a graph with one tensor kept outside."""

    def sized(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    entry = sized(1, b"location") + sized(2, b"weights.bin")
    tensor = sized(8, b"w") + sized(13, entry) + bytes([14 << 3, 1])
    return bytes([1 << 3, 8]) + sized(7, sized(5, tensor))
