"""The wizard's questions about the model: where it is, what it does not say about itself, and whether it opens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.learn.chosen import Chosen, new_here, read_path
from failsight.agent.learn.detect import ModelSeen, look_at_model
from failsight.agent.learn.dialogue import Back, Dialogue, Option, Say, Work, line, pick, yes_no
from failsight.agent.learn.matching import Votes, ask_classes, names_of, order_by_answers
from failsight.tools.errors import UserError
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.view import Progress

MEANS = {
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "half": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    "plain": ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
    "raw": ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
}
FEW = 16  # pictures of a label that the model is asked about, to tell which class is which
MOST_PICTURES = 20_000  # above that, nobody waits for such a help


def ask_model(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    text = "Where is the model?"
    if new_here(chosen):
        text += " A folder saved by transformers, a file (.onnx, .pt, .pt2, .safetensors), or a table (.csv) of its predictions."
    while True:
        path = yield from line(
            text, read_path, "Type a path, for example ~/models/rooms.",
            hints=["With transformers: model.save_pretrained('folder') and processor.save_pretrained('folder'), then give that folder.",
                   "Without the model, give a table with the columns path, label (if the pictures' own place has none) and one column of probabilities a class (or prediction)."],
            back=True, path=True,
        )  # fmt: skip
        seen, path = yield from _one_model(path)
        if seen.problem:
            yield Say(seen.problem, "warning")
            continue
        chosen.model, chosen.predictions, chosen.arch, chosen.trust_code = "", "", "", False
        if seen.format.startswith("a table"):
            chosen.predictions, chosen.classes, chosen.unlabelled = (
                str(path.resolve()),
                (),
                "labels" in seen.lacks,
            )
            yield Say(f"{clean(path.name)}: {seen.format}{_about(seen)}.", "good")
            for note in seen.notes[:3]:
                yield Say(clean(note, 300), "muted")
            yield Say("What can be measured without the model will be.", "muted")
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
        if chosen.arch:
            chosen.arch = _placed(chosen.arch)
    return True


def _placed(arch: str) -> str:
    """``arch`` with the folder of its file, as far as it is there: what opens the model says what is missing."""
    from failsight.tools.inputs.models.code import placed

    try:
        return placed(arch)
    except UserError:
        return arch


# --- what it does not say ----------------------------------------------------------------------------------------


def ask_facts(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
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
        chosen.named = "classes" in facts
        chosen.classes = tuple(facts.get("classes") or chosen.classes)


def _preparation(seen: ModelSeen, picture: tuple[int, int] | None) -> Dialogue[dict[str, Any]]:
    """How pictures are prepared: size and normalisation."""
    what = "no image processor" if seen.path.is_dir() else "nothing about its input"
    yield Say(
        f"The model comes with {what}, so how pictures were prepared in training is unknown. What you say will be tested: other ways are tried beside it."
    )
    default = " x ".join(map(str, seen.size or (picture if picture and max(picture) < 224 else (224, 224))))
    size = list(seen.size or ())
    if seen.path.suffix.lower() == ".onnx" and size:  # its graph takes no other
        yield Say(f"It takes pictures of {default} pixels.", "muted")
    else:
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
        Option("raw", "not at all: it takes 0 to 255 and does the rest itself"),
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
    scale = {"scale": 1.0} if picked.key == "raw" else {}
    return {"input_size": size, "mean": mean, "std": std, **scale}


def _pixels(text: str) -> list[int] | None:
    parts = text.lower().replace("x", " ").replace("×", " ").replace(",", " ").split()
    if not 1 <= len(parts) <= 2 or not all(
        p.isdecimal() and len(p) < 10 and 1 <= int(p) <= 4096 for p in parts
    ):
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


# --- opening it ------------------------------------------------------------------------------------------------------


def open_it(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
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
        yield from open_it(chosen, reporter)
        return
    chosen.classes = tuple(model.classes)
    yield Say(f"{len(model.classes)} classes: {listing([clean(c, 40) for c in model.classes], 12)}.", "good")
    yield Say(prepared(model), "good")
    for note in tuple(getattr(model, "notes", ()))[:2]:
        yield Say(clean(note, 300), "muted")


def called(chosen: Chosen, reporter: Progress) -> dict[str, tuple[str, float]]:
    """What the model calls a handful of the pictures of each label: the class it names most often, and how often."""
    made = {}
    for name, counts in votes(chosen, reporter).items():
        best = max(range(len(counts)), key=counts.__getitem__)
        made[name] = (chosen.classes[best], counts[best] / max(1, sum(counts)))
    return made


def votes(chosen: Chosen, reporter: Progress) -> dict[str, list[int]]:
    """How often the model gives each of its outputs to a handful of the pictures of each label.

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
            answers = np.concatenate(scores).argmax(
                1
            )  # which output is which class: thresholds don't matter yet
            made[name] = np.bincount(answers, minlength=len(model.classes)).tolist()
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


def map_classes(chosen: Chosen, reporter: Progress) -> Dialogue[None]:
    if chosen.predictions or not chosen.labels or not chosen.classes:
        return
    chosen.class_map = yield from ask_classes(
        chosen.labels, chosen.classes, clean(chosen.data), lambda: called(chosen, reporter)
    )
    if chosen.named and not chosen.class_map:
        yield Work("Asking the model what it calls some of these pictures")
        yield from _in_order(chosen, votes(chosen, reporter))


def _in_order(chosen: Chosen, given: Votes) -> Dialogue[None]:
    """Doubt the order of names that somebody said, where the model's own answers fit another; mend it with a yes."""
    names = order_by_answers(given, chosen.classes) if given else None
    if names is None:
        return
    yield Say(
        "The names look out of order: going by what the model calls some of these pictures, its outputs are "
        f"{listing([clean(n, 40) for n in names], 40)}.",
        "warning",
    )
    yes = yield from yes_no(
        "Shall I write the names in that order beside the model?", default=True, back=True
    )
    if not yes:
        return
    seen = look_at_model(Path(chosen.model))
    where = side_path(seen.path)
    try:
        text = json.dumps({**dict(seen.side.raw), "classes": names}, indent=2) + "\n"
        where.write_text(text, encoding="utf-8")
    except OSError as error:
        yield Say(f"{clean(where)} can't be written ({error.strerror}).", "warning")
        return
    chosen.classes = tuple(names)
    yield Say(f"{clean(where.name)} written.", "good")
