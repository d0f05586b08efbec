"""The first time: asks for model, pictures, classes, expectations and level, shows what it understood, mends or asks.

One dialogue for every display. Nothing is written beside a person's files without a yes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.learn.detect import DataSeen, ModelSeen, look_at_data, look_at_model, renamed_table
from failsight.agent.learn.dialogue import Ask, Back, Dialogue, Option, Say, Step, Work, line, pick, yes_no
from failsight.agent.learn.matching import ask_classes, names_of
from failsight.agent.learn.school import LEVELS
from failsight.tools.errors import UserError
from failsight.tools.text import clean, listing, number

if TYPE_CHECKING:
    from failsight.tools.view import Progress

SKIP = ("", "skip", "none", "no", "-")
MEANS = {
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "half": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    "plain": ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
}


@dataclass
class Chosen:
    """What came of the wizard: which door, and what a case is made of."""

    level: str = "novice"
    demo: bool = False
    learn: bool = False
    model: str = ""
    predictions: str = ""
    arch: str = ""
    trust_code: bool = False
    data: str = ""
    train: str = ""
    deploy: str = ""
    history: str = ""
    class_map: dict[str, str] = field(default_factory=dict)
    task: str = ""
    expect: list[str] = field(default_factory=list)
    wishes: list[str] = field(default_factory=list)
    picture: tuple[int, int] | None = None
    classes: tuple[str, ...] = ()
    labels: dict[str, int] = field(default_factory=dict)

    def given(self) -> dict[str, Any]:
        """Fields of the configuration (``failsight.agent.config.CaseConfig``)."""
        names = ("model", "predictions", "arch", "data", "train", "deploy", "history", "task", "level")
        made: dict[str, Any] = {n: getattr(self, n) for n in names if getattr(self, n)}
        if self.class_map:
            made["class_map"] = dict(self.class_map)
        if self.trust_code:
            made["trust_code"] = True
        return made


FEW = 16  # pictures of a label that the model is asked about, to tell which class is which
MOST_PICTURES = 20_000  # above that, nobody waits for such a help
Part = Callable[[Chosen, "Progress"], Dialogue[None]]


def wizard(level: str, reporter: Progress) -> Dialogue[Chosen | None]:
    """Ask until a case can be opened; None where the person wants no case.

    Args:
        level: given on the command line, or empty: then it is asked for.
        reporter: where long work shows.
    """
    chosen = Chosen(level=level)
    yield from _door(chosen)
    if chosen.learn or chosen.demo:
        if not level:
            yield from _level(chosen, reporter)
        return chosen
    parts: list[tuple[str, Part]] = [
        ("How much to explain", _level),
        ("The model", _model),
        ("Pictures to test it on", _data),
        ("What the model does not say", _facts),
        ("Opening the model", _open),
        ("Which class is which", _classes),
        ("Training pictures and pictures from real use", _others),
        ("What it is for, and how good it has to be", _wishes),
        ("What was understood", _confirm),
    ]
    if level:
        parts = parts[1:]
    yield from _through(parts, chosen, reporter)
    return chosen


def _through(parts: Sequence[tuple[str, Part]], chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    """One part after the other; ``back`` goes to the one before that asked something."""
    at, asked = 0, []
    while at < len(parts):
        title, part = parts[at]
        noticed: list[bool] = []
        try:
            yield from _noticing(part(chosen, reporter), noticed, Step(at + 1, len(parts), title))
            if noticed:
                asked.append(at)
            at += 1
        except Back:
            at = asked.pop() if asked else 0


def _noticing(dialogue: Dialogue[None], noticed: list[bool], step: Step) -> Dialogue[None]:
    """``dialogue`` under its heading, noting whether it asked anything; no heading where it has nothing to say."""
    try:
        item = next(dialogue)
        yield step
        while True:
            if isinstance(item, Ask):
                noticed.append(True)
                answer = yield item
                item = dialogue.send(answer)
            else:
                yield item
                item = next(dialogue)
    except StopIteration:
        return


def _door(chosen: Chosen) -> Dialogue[None]:
    yield Say(
        "Failsight finds out why an image classifier fails, tests it, and shows how it knows. `back` goes one question back, `quit` leaves."
    )
    picked = yield from pick(
        "What would you like to do?",
        (
            Option("mine", "look into a model of my own (or its predictions in a table)"),
            Option("demo", "see it at work on the built-in case first"),
            Option("learn", "learn how to find out why a model fails: lessons and practice cases"),
        ),
        default="mine",
        hints=[
            "Your own model needs two things: the model (a folder or a file) and labelled pictures. Nothing leaves this machine."
        ],
    )
    chosen.demo, chosen.learn = picked.key == "demo", picked.key == "learn"


def _level(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    picked = yield from pick(
        "How much shall be explained?", LEVELS, default=chosen.level or "novice", back=True
    )
    chosen.level = picked.key


def _new(chosen: Chosen) -> bool:
    return chosen.level == "novice"


# --- the model -----------------------------------------------------------------------------------------------------------


def _model(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    text = "Where is the model?"
    if _new(chosen):
        text += " A folder saved by transformers, a file (.onnx, .pt, .pt2, .safetensors), or a table (.csv) of its predictions."
    while True:
        path = yield from line(
            text, _path, "Type a path, for example ~/models/rooms.",
            hints=["With transformers: model.save_pretrained('folder') and processor.save_pretrained('folder'), then give that folder.",
                   "Without the model, give a table with the columns path, label and one column of probabilities a class."],
            back=True, path=True,
        )  # fmt: skip
        seen, path = yield from _one_model(path)
        if seen.problem:
            yield Say(seen.problem, "warning")
            continue
        chosen.model, chosen.predictions, chosen.arch, chosen.trust_code = "", "", "", False
        if seen.format.startswith("a table"):
            chosen.predictions, chosen.classes = str(path.resolve()), ()
            yield Say(
                f"{clean(path.name)}: {seen.format}. What can be measured without the model will be.", "good"
            )
            return
        good = yield from _code(chosen, seen)
        if not good:
            continue
        chosen.model, chosen.classes = str(seen.path.resolve()) + chosen.model, seen.classes
        if seen.history is not None:
            chosen.history = str(seen.history.resolve())
        yield Say(f"{clean(seen.path.name)}: {seen.format}{_about(seen)}.", "good")
        return


def _one_model(path: Path) -> Dialogue[tuple[ModelSeen, Path]]:
    seen = look_at_model(path)
    if seen.choices:
        options = [Option(str(p), str(p.relative_to(path))) for p in seen.choices]
        picked = yield from pick(
            f"{clean(path)} holds {len(options)} models. Which one?",
            options,
            default=options[0].key,
            back=True,
        )
        path = Path(picked.key)
        seen = look_at_model(path)
    return seen, seen.path


def _about(seen: ModelSeen) -> str:
    told = []
    if seen.classes:
        told.append(f"{len(seen.classes)} classes ({listing(list(seen.classes), 6)})")
    if seen.unnamed:
        told.append(f"{seen.unnamed} classes without names")
    if seen.history is not None:
        told.append(f"a training record ({clean(seen.history.name)})")
    return f", {', '.join(told)}" if told else ""


def _code(chosen: Chosen, seen: ModelSeen) -> Dialogue[bool]:
    """Ask what running somebody's code needs: the architecture's name, and trust."""
    if "factory" in seen.lacks:
        name = yield from line(
            f"Which function in {clean(seen.path.name)} builds the model?",
            lambda t: t.strip("() ") if t.strip("() ").isidentifier() else None, "Type the name of a function.", back=True,
        )  # fmt: skip
        chosen.model = f":{name}"
    if "arch" in seen.lacks:
        chosen.arch = yield from line(
            "These are bare weights. Which code builds the network? Type module:function (for example torchvision.models:resnet18).",
            lambda t: t if t.count(":") == 1 and all(t.split(":")) else None, "Type module:function, or file.py:function.", back=True,
        )  # fmt: skip
    if {"trust", "arch"} & set(seen.lacks):
        sure = yield from yes_no(
            "That runs Python code that is not Failsight's. Do you trust it?", default=False, back=True
        )
        if not sure:
            yield Say("Then give the model as ONNX or as a transformers folder: those hold no code.", "muted")
            chosen.model = chosen.arch = ""
            return False
        chosen.trust_code = True
    return True


def _path(text: str) -> Path | None:
    bare = text.strip().strip("'\"")
    return Path(bare).expanduser() if bare else None


# --- pictures -----------------------------------------------------------------------------------------------------------


def _data(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    if chosen.predictions:
        yield from _pictures_of_table(chosen)
        return
    text = "Where are the pictures to test it on, with their right answers?"
    if _new(chosen):
        text += " A folder with one folder a class, or a table (.csv) with the columns path and label. Best are pictures that the model was not trained on."
    seen = yield from _pictures(chosen, text, "data", True, False)
    if seen is None:
        return
    chosen.data, chosen.labels, chosen.picture = str(seen.path.resolve()), dict(seen.labels), seen.picture
    if "train" in [s.lower() for s in seen.splits] and seen.used.lower() != "train":
        chosen.train = chosen.data
        yield Say("The training pictures are in there too; they are used as such.", "muted")
    if seen.used.lower() in ("train", "training") or seen.path.name.lower() in ("train", "training"):
        yield Say(
            "These look like the training pictures. On them the model will seem better than it is; use others if you can.",
            "warning",
        )


def _pictures_of_table(chosen: Chosen) -> Dialogue[None]:
    found = yield from line(
        "In which folder are the pictures that the table names? (Enter: next to the table)",
        lambda t: "" if t.strip() in SKIP else str(_path(t)) if _path(t) and Path(str(_path(t))).is_dir() else None,
        "There is no such folder.", default="", back=True, path=True,
    )  # fmt: skip
    chosen.data = str(Path(found).resolve()) if found else ""


def _pictures(
    chosen: Chosen, text: str, split: str, labelled: bool | None, optional: bool
) -> Dialogue[DataSeen | None]:
    """Ask for pictures until some are understood; None where they were skipped."""
    while True:
        typed = yield from line(
            text,
            lambda t: t if t.strip() or optional else None,
            "Type a path, for example ~/pictures/test.",
            default="" if optional else None,
            hints=[
                "rooms/kitchen/1.jpg, rooms/bathroom/2.jpg …: then give rooms.",
                "A table needs the columns path (of each picture, from where the table lies) and label.",
            ],
            back=True,
            path=True,
        )
        path = _path(typed)
        if path is None or typed.strip() in SKIP:
            return None
        seen = look_at_data(path, split, labelled=labelled)
        if seen.rename:
            renamed = yield from _rename(seen)
            if renamed is None:
                continue
            seen = look_at_data(renamed, split, labelled=labelled)
        if seen.problem:
            yield Say(seen.problem, "warning")
            continue
        yield Say(_told(seen), "good")
        for note in seen.notes[:3]:
            yield Say(clean(note, 300), "muted")
        return seen


def _told(seen: DataSeen) -> str:
    used = f", of which {clean(seen.used)} is used" if seen.used else ""
    counts = sorted(seen.labels.items(), key=lambda pair: -pair[1])
    classes = ""
    if counts:
        few = (
            f", fewest of {clean(counts[-1][0], 40)} ({counts[-1][1]:,})"
            if counts[-1][1] < counts[0][1] / 2
            else ""
        )
        classes = f" in {len(counts)} classes ({listing([clean(n, 40) for n, _ in sorted(counts)], 8)}){few}"
    return f"{clean(seen.path.name)}: {seen.format}{used}, {seen.n:,} pictures{classes}."


def _rename(seen: DataSeen) -> Dialogue[Path | None]:
    """Offer to write the table once more with the usual column names."""
    told = ", ".join(f"{clean(old)} as {new}" for old, new in seen.rename.items())
    if "path" not in (*seen.columns, *seen.rename.values()):
        yield Say(
            f"No column of {clean(seen.path.name)} looks like the path of a picture: {listing([clean(c) for c in seen.columns], 12)}.",
            "warning",
        )
        return None
    where = seen.path.with_name(f"{seen.path.stem}-failsight.csv")
    yes = yield from yes_no(
        f"The table has no columns path and label. Shall I read {told}? (writes {clean(where.name)} beside it)",
        default=True,
        back=True,
    )
    if not yes:
        return None
    try:
        return renamed_table(seen, where)
    except OSError as error:
        yield Say(f"{clean(where)} can't be written ({error.strerror}).", "warning")
        return None


# --- what the model does not say ---------------------------------------------------------------------------------------------


def _facts(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    if not chosen.model or chosen.model.rpartition(":")[0].endswith(".py"):
        return
    seen = look_at_model(Path(chosen.model))
    facts: dict[str, Any] = {}
    if "classes" in seen.lacks:
        facts["classes"] = yield from names_of(seen.unnamed or None, sorted(chosen.labels), seen.path)
    if "preparation" in seen.lacks:
        facts |= yield from _preparation(seen, chosen.picture)
    if facts:
        yield from _write_side(seen, facts)
        chosen.classes = tuple(facts.get("classes") or chosen.classes)


def _preparation(seen: ModelSeen, picture: tuple[int, int] | None) -> Dialogue[dict[str, Any]]:
    """How pictures are prepared: size and normalisation."""
    what = "no image processor" if seen.path.is_dir() else "nothing about its input"
    yield Say(
        f"The model comes with {what}, so how pictures were prepared in training is unknown. What you say will be tested: other ways are tried beside it."
    )
    default = " x ".join(map(str, seen.size or (picture if picture and max(picture) < 224 else (224, 224))))
    size = yield from line(
        "How large are the pictures that it takes, in pixels? (one number, or HEIGHT x WIDTH)", _pixels, "Type a number of pixels such as 224.",
        default=default, back=True,
    )  # fmt: skip
    options = [
        Option(
            "imagenet", "the ImageNet mean and deviation (most torchvision and timm models, ResNet, ConvNeXt)"
        ),
        Option("half", "scaled to -1 to 1 (mean 0.5, deviation 0.5: many vision transformers)"),
        Option("plain", "scaled to 0 to 1 and no more"),
        Option("own", "another mean and deviation"),
    ]
    picked = yield from pick(
        "How were the numbers of the pixels scaled in training?", options, default="imagenet", back=True,
        hints=["Look for Normalize(mean=…, std=…) in the training code. If nobody knows, take the first: the check of the preparation will say if another does better."],
    )  # fmt: skip
    if picked.key == "own":
        mean = yield from line(
            "Mean of red, green and blue, for pixels from 0 to 1?",
            _three,
            "Type three numbers, such as 0.5 0.5 0.5.",
            back=True,
        )
        std = yield from line(
            "Standard deviation of red, green and blue?",
            _three,
            "Type three numbers, such as 0.25 0.25 0.25.",
            back=True,
        )
    else:
        mean, std = MEANS[picked.key]
    return {"input_size": size, "mean": mean, "std": std}


def _pixels(text: str) -> list[int] | None:
    parts = text.lower().replace("x", " ").replace("×", " ").replace(",", " ").split()
    if not 1 <= len(parts) <= 2 or not all(p.isdigit() and 1 <= int(p) <= 4096 for p in parts):
        return None
    return [int(parts[0]), int(parts[-1])]


def _three(text: str) -> list[float] | None:
    try:
        made = [float(p) for p in text.replace(",", " ").replace("[", " ").replace("]", " ").split()]
    except ValueError:
        return None
    return made if len(made) == 3 else made * 3 if len(made) == 1 else None


def _write_side(seen: ModelSeen, facts: dict[str, Any]) -> Dialogue[None]:
    """Write what was said beside the model, where the model is read from; only with a yes."""
    where = side_path(seen.path)
    old = dict(seen.side.raw)
    yes = yield from yes_no(
        f"This has to stand beside the model. Shall I write it into {clean(where)}?", default=True, back=True
    )
    text = json.dumps({**old, **facts}, indent=2) + "\n"
    if not yes:
        yield Say(
            f"Then write {clean(where)} yourself, with this in it, and press Enter at the next question:\n{text}"
        )
        return
    try:
        where.write_text(text, encoding="utf-8")
        yield Say(f"{clean(where.name)} written.", "good")
    except OSError as error:
        yield Say(
            f"{clean(where)} can't be written ({error.strerror}). Copy the model to where you may write.",
            "warning",
        )
        raise Back from None


def side_path(model: Path) -> Path:
    """Where the facts of a model stand: ``model.json`` in its folder, or NAME.json beside its file."""
    return model / "model.json" if model.is_dir() else model.with_suffix(".json")


# --- opening ------------------------------------------------------------------------------------------------------------------


def _open(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    """Open the model once, to show what is really read from it."""
    if not chosen.model:
        return
    yield Work("Opening the model (the first time takes some seconds)")
    try:
        from failsight.tools.inputs import open_model

        model = open_model(chosen.model, arch=chosen.arch or None, trust_code=chosen.trust_code)
    except UserError as error:
        yield Say(str(error), "warning")
        yield from line(
            "The model could not be opened. Mend that and press Enter, or type `back` to give another.",
            lambda t: t,
            "",
            default="",
            back=True,
        )
        yield from _open(chosen, reporter)
        return
    chosen.classes = tuple(model.classes)
    yield Say(f"{len(model.classes)} classes: {listing([clean(c, 40) for c in model.classes], 12)}.", "good")
    yield Say(prepared(model), "good")
    for note in tuple(getattr(model, "notes", ()))[:2]:
        yield Say(clean(note, 300), "muted")


def called(chosen: Chosen, reporter: Progress) -> dict[str, tuple[str, float]]:
    """What the model calls a handful of the pictures of each label: the class it names most often, and how often.

    Only a help for telling which class is which; nothing where the pictures can't be opened.
    """
    import numpy as np

    from failsight.tools.errors import FailsightError
    from failsight.tools.inputs import open_images, open_model

    if sum(chosen.labels.values()) > MOST_PICTURES:
        return {}
    try:
        from failsight.tools.engine import iter_pixels

        model = open_model(chosen.model, arch=chosen.arch or None, trust_code=chosen.trust_code)
        table = open_images(chosen.data, progress=reporter)
        made = {}
        for number_, name in enumerate(table.classes):
            rows = np.flatnonzero(table.labels == number_)
            rows = rows[:: max(1, len(rows) // FEW)][:FEW]
            scores = [model.scores(pixels) for _, pixels in iter_pixels(table, model, rows, batch=FEW)]
            votes = np.bincount(np.concatenate(scores).argmax(1), minlength=len(model.classes))
            made[name] = (model.classes[int(votes.argmax())], float(votes.max() / votes.sum()))
        return made
    except (FailsightError, ValueError, RuntimeError, OSError):
        return {}


def prepared(model: Any) -> str:
    """How pictures are prepared for the model, in a sentence."""
    how = model.preprocessing
    fit = {
        "stretch": "stretched to",
        "crop": "scaled and cropped to",
        "square": "cropped to a square and scaled to",
    }[how.fit]
    means = ", ".join(f"{v:.3g}" for v in how.mean)
    stds = ", ".join(f"{v:.3g}" for v in how.std)
    return (
        f"Pictures are {fit} {how.size[0]} × {how.size[1]} pixels, {how.channels}, mean {means}, deviation {stds}."
        " Whether that is right is one of the first things to be tested."
    )


def _classes(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    if chosen.predictions or not chosen.labels or not chosen.classes:
        return
    chosen.class_map = yield from ask_classes(
        chosen.labels, chosen.classes, clean(chosen.data), lambda: called(chosen, reporter)
    )


# --- the rest -------------------------------------------------------------------------------------------------------------------


def _others(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    if chosen.predictions:
        return
    if not chosen.train:
        text = "Where are the training pictures? (Enter: I have none here)"
        if _new(chosen):
            text += " With them it can be told whether a group is rare in training, and whether the test is a real test."
        seen = yield from _pictures(chosen, text, "train", True, True)
        chosen.train = str(seen.path.resolve()) if seen is not None else ""
    text = "Where are pictures from where it will be used? (Enter: none)"
    if _new(chosen):
        text += " Even a few help, with or without labels: a test cut from the training source can't show what happens there."
    seen = yield from _pictures(chosen, text, "deploy", None, True)
    chosen.deploy = str(seen.path.resolve()) if seen is not None else ""
    if chosen.history:
        use = yield from yes_no(
            f"There is a training record ({clean(Path(chosen.history).name)}). Use it?",
            default=True,
            back=True,
        )
        chosen.history = chosen.history if use else ""


def _wishes(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    chosen.task = yield from line(
        "What is the model for, and for whom? One sentence. (Enter: skip)",
        lambda t: t.strip(),
        "",
        default="",
        back=True,
    )
    if chosen.task.lower() in SKIP:
        chosen.task = ""
    chosen.expect, chosen.wishes = [], []
    text = "How good does it have to be? For example: accuracy at least 90 %. (Enter: say it later)"
    if _new(chosen):
        text += " Said now, it can't be fitted to the results; without it nobody can say later whether the model is ready."
    while True:
        typed = yield from line(
            text, lambda t: t.strip() if not t.strip() or _criterion(t, chosen.classes) else None,
            f"I can't read that. Write for example: accuracy at least 90 %, or: recall of {clean(chosen.classes[0], 40) if chosen.classes else 'kitchen'} at least 80 %.",
            default="", hints=["What does an error cost, and whom? Start with the class that must not be missed: recall of … at least … %."], back=True,
        )  # fmt: skip
        if typed.lower() in SKIP:
            return
        made = _criterion(typed, chosen.classes)
        if made is not None:
            chosen.expect.append(f"{made.name}{'>=' if made.at_least else '<='}{made.bound:g}")
            chosen.wishes.append(str(made))
            yield Say(f"Noted: {made}.", "good")
        text = "Anything else that must hold? (Enter: no)"


def _criterion(text: str, classes: Sequence[str]) -> Any:
    from failsight.agent.planners.expectations import parse_expectation

    bare = text.strip()
    if bare.rstrip("% ").replace(".", "", 1).isdigit():
        bare = f"accuracy at least {bare}"
    return parse_expectation(bare, classes) if bare.lower() not in SKIP else None


def _confirm(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    yield Say("\n".join(summary(chosen)))
    yes = yield from yes_no("Is that right? (no goes back)", default=True, back=True)
    if not yes:
        raise Back


def summary(chosen: Chosen) -> list[str]:
    """What was understood, a line each."""
    lines = [f"model        {clean(chosen.model or chosen.predictions, 200)}"]
    for name, words in (
        ("data", "test"),
        ("train", "training"),
        ("deploy", "real use"),
        ("history", "record"),
    ):
        if getattr(chosen, name):
            lines.append(f"{words:<12} {clean(getattr(chosen, name), 200)}")
    if chosen.labels:
        lines.append(f"pictures     {number(sum(chosen.labels.values()), 'count')} to test on")
    if chosen.class_map:
        told = ", ".join(
            f"{clean(a, 30)} is {clean(b, 30) or 'left out'}" for a, b in chosen.class_map.items()
        )
        lines.append(f"classes      {told}")
    if chosen.task:
        lines.append(f"task         {clean(chosen.task, 200)}")
    lines.append(f"expected     {', '.join(chosen.wishes) or 'nothing yet'}")
    lines.append(f"explained    {chosen.level}")
    return lines
