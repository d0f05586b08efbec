"""Which class of the pictures is which class of the model: what matches by itself, and questions for the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from failsight.agent.learn.dialogue import Dialogue, Option, Say, Work, line, pick
from failsight.tools.inputs.classes import match_labels
from failsight.tools.text import clean, counted, listing, number

MOST = 12  # classes that are asked about one by one
OUT = "leave these pictures out"


Called = Mapping[str, tuple[str, float]]
"""What the model calls some pictures of each label: the class it names most often, and on which share of them."""
Votes = Mapping[str, Sequence[int]]
"""How often the model gives each of its outputs to some pictures of each label."""


def ask_classes(
    labels: Mapping[str, int], classes: tuple[str, ...], where: str, called: Callable[[], Called] = dict
) -> Dialogue[dict[str, str]]:
    """The class map that is needed: label of the pictures → class of the model; empty text leaves a label out.

    Args:
        called: asked, where names do not match, what the model calls some of these pictures.
    """
    words = [w for w, n in labels.items() for _ in range(n)]
    matching = match_labels(words, classes, {}, where, strict=False)
    unknown = list(matching.unknown)
    unused = [c for c in classes if c not in {classes[i] for i in matching.index.values()}]
    if not unknown:
        told = f"All {len(labels)} classes of the pictures are classes of the model."
        if unused:
            told += f" It has {len(unused)} more, of which there are no pictures: {listing([clean(c, 40) for c in unused], 6)}."
        yield Say(told, "good")
        return {}
    if matching.index:
        yield Say(f"{len(matching.index)} of {len(labels)} classes match by name.", "good")
    yield Work("Asking the model what it calls some of these pictures")
    answers = called()
    if len(unknown) > 1:
        made = yield from _all_at_once(unknown, unused, answers)
        if made is not None:
            return made
    return (yield from _one_by_one(unknown, labels, matching.unknown, classes, unused, answers))


def _all_at_once(
    unknown: Sequence[str], unused: Sequence[str], answers: Called
) -> Dialogue[dict[str, str] | None]:
    """Offer the pairs that are likeliest; None where there are none, or where the person declines."""
    offered, how = _pairs(unknown, unused, answers)
    if not offered:
        return None
    lines = [f"  {clean(a, 40)} is {clean(b, 40)}{_share(answers, a, b)}" for a, b in offered.items()]
    if len(lines) > MOST:
        lines = [*lines[:MOST], f"  … and {len(lines) - MOST} more"]
    yield Say(f"These classes of the pictures have no namesake in the model. {how} they would be:")
    yield Say("\n".join(lines), "plain")
    options = [Option("yes", "yes, that is right"), Option("no", "no, ask me one by one")]
    picked = yield from pick("Is that right?", options, back=True)
    return offered if picked.key == "yes" else None


def _pairs(unknown: Sequence[str], unused: Sequence[str], answers: Called) -> tuple[dict[str, str], str]:
    """The likeliest pairs and where they come from: likeness of the names, the model's own answers, the order of both lists."""
    if len(unknown) == len(unused):
        close = _closest(unknown, unused)
        if min(SequenceMatcher(None, a.casefold(), b.casefold()).ratio() for a, b in close.items()) > 0.5:
            return close, "By likeness of the names"
    told = {word: answers[word][0] for word in sorted(unknown) if word in answers and answers[word][1] >= 0.5}
    if len(told) == len(unknown) and len(set(told.values())) == len(told):
        return told, "Going by what the model calls some of them"
    if len(unknown) == len(unused):
        return dict(zip(sorted(unknown), unused, strict=True)), "In alphabetical order"
    return {}, ""


def _share(answers: Called, word: str, name: str) -> str:
    if word not in answers:
        return ""
    called, share = answers[word]
    if called == name:
        return f" (of a few that were tried, the model calls {number(share)} so)"
    return f" (but of a few that were tried, the model calls {number(share)} {clean(called, 40)})"


def _closest(unknown: Sequence[str], unused: Sequence[str]) -> dict[str, str]:
    """Each unknown label with the free class that is most like it, best pairs first."""
    scored = sorted(
        ((SequenceMatcher(None, a.casefold(), b.casefold()).ratio(), a, b) for a in unknown for b in unused),
        key=lambda s: (-s[0], s[1], s[2]),
    )
    made: dict[str, str] = {}
    for _, a, b in scored:
        if a not in made and b not in made.values():
            made[a] = b
    return made


def _one_by_one(
    unknown: Sequence[str], labels: Mapping[str, int], guesses: Mapping[str, str | None],
    classes: Sequence[str], unused: Sequence[str], answers: Called,
) -> Dialogue[dict[str, str]]:  # fmt: skip
    made: dict[str, str] = {}
    for word in unknown[:MOST]:
        guess = guesses.get(word) or (answers[word][0] if word in answers else None)
        free = [c for c in unused if c not in made.values()]
        rest = [c for c in classes if c not in free] if len(classes) <= 20 else []
        names = list(dict.fromkeys([*([guess] if guess else []), *free, *rest]))[:20]
        options = [*(Option(f"class:{n}", clean(n, 60)) for n in names), Option("out", OUT)]
        picked = yield from pick(
            f"{counted(labels[word], 'picture is labelled', 'pictures are labelled')} {clean(word, 60)}; the model has no such class{_mostly(answers, word)}. Which is it?",
            options, default=f"class:{guess}" if guess else "out",
            hints=["A class of the pictures may be a part of one of the model's, or two words for the same. Leave out what the model was not made for."], back=True,
        )  # fmt: skip
        made[word] = "" if picked.key == "out" else picked.key.removeprefix("class:")
    for word in unknown[MOST:]:
        made[word] = ""
    if unknown[MOST:]:
        yield Say(
            f"{counted(len(unknown) - MOST, 'more class is unknown', 'more classes are unknown')} to the model; the pictures are left out.",
            "warning",
        )
    return made


def _mostly(answers: Called, word: str) -> str:
    return (
        f" (of a few that were tried, it calls {number(answers[word][1])} {clean(answers[word][0], 40)})"
        if word in answers
        else ""
    )


def names_of(count: int | None, labels: Sequence[str], model: Path) -> Dialogue[list[str]]:
    """The names of a model's classes, in the order of its outputs, where the model does not say them."""
    yield Say(f"{clean(model.name)} does not say what its classes are called.")
    beside = names_beside(model, count or len(labels) or None)
    if beside is not None:
        file, names = beside
        picked = yield from pick(
            f"{clean(file.name)} beside it lists {listing([clean(n, 40) for n in names], 20)}. Are these the model's outputs, in this order?",
            [Option("yes", "yes, in this order"), Option("no", "no")], default="yes", back=True,
        )  # fmt: skip
        if picked.key == "yes":
            return names
    if labels and (count is None or len(labels) == count):
        yield Say(f"In alphabetical order your pictures have: {listing([clean(n, 40) for n in labels], 20)}.")
        picked = yield from pick(
            "Are the model's outputs in this order? (They are if it was trained on class folders with torchvision's ImageFolder, or a data set made from them.)",
            [Option("yes", "yes, in this order"), Option("no", "no, in another")], default="yes", back=True,
        )  # fmt: skip
        if picked.key == "yes":
            return list(labels)
    wanted = f"{count} names" if count else "the names"
    return (
        yield from line(
            f"Type {wanted} of the classes in the order of the outputs, with commas between, or the path of a text file with one a line.",
            lambda text: read_names(text, count),
            f"That are not {wanted}.",
            back=True,
            path=True,
        )
    )


def order_by_answers(votes: Votes, classes: Sequence[str]) -> list[str] | None:
    """The names in the order that the model's answers fit best, where that is far better than theirs; None where not.

    Each label gets the output that its pictures are given, no two the same, so that most answers are right (Kuhn 1955). A weak
    model confuses classes, but no other order of the names makes it half as good again.

    Args:
        votes: label → number of answers of each output, outputs in the order of ``classes``.
    """
    from scipy.optimize import linear_sum_assignment

    labels = sorted(votes)
    counts = np.array([votes[label] for label in labels], np.float64).reshape(len(labels), -1)
    at = {name: i for i, name in enumerate(classes)}
    if not set(labels) <= set(at) or not counts.sum():
        return None
    rows, columns = linear_sum_assignment(-counts)
    fits, now = counts[rows, columns].sum(), sum(counts[i, at[label]] for i, label in enumerate(labels))
    if fits < 0.3 * counts.sum() or fits < 1.5 * now:
        return None
    made: dict[int, str] = {int(c): labels[r] for r, c in zip(rows, columns, strict=True)}
    left = iter([name for name in classes if name not in made.values()])
    return [made[i] if i in made else next(left) for i in range(len(classes))]


LISTS = (
    "labels.txt", "classes.txt", "class_names.txt", "classnames.txt", "names.txt", "labels.json", "classes.json", "class_names.json",
    "class_indices.json", "class_to_idx.json", "id2label.json", "idx_to_class.json",
)  # fmt: skip
"""Files in which training scripts leave the names of the classes, in the order of the outputs."""


def names_beside(model: Path, count: int | None) -> tuple[Path, list[str]] | None:
    """The file beside a model that names ``count`` classes, and the names; None where there is none."""
    folder = model if model.is_dir() else model.parent
    for name in (f"{model.stem}.txt", f"{model.stem}.labels", f"{model.stem}_labels.txt", *LISTS):
        file = folder / name
        names = read_names(str(file), count) if file.is_file() else None
        if names is not None:
            return file, names
    return None


def read_names(text: str, count: int | None) -> list[str] | None:
    """Names of classes from a line with commas, or from a file: one a line, a JSON list, or ``{name: number}`` either way round."""
    path = Path(text.strip()).expanduser()
    try:
        body = path.read_text("utf-8-sig") if text.strip() and path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        body = ""
    found = (
        _in_json(body) if path.suffix.lower() == ".json" else body.splitlines() if body else text.split(",")
    )
    names = [clean(n) for n in found if n.strip()]
    if len(names) < 2 or len(set(names)) != len(names) or (count is not None and len(names) != count):
        return None
    return names


def _in_json(body: str) -> list[str]:
    try:
        made = json.loads(body)
        if isinstance(made, dict):
            turned = all(isinstance(v, int) for v in made.values())
            pairs = [(int(v), k) if turned else (int(k), v) for k, v in made.items()]
            made = [name for _, name in sorted(pairs)]
    except (ValueError, TypeError, RecursionError):
        return []
    return made if isinstance(made, list) and all(isinstance(n, str) for n in made) else []
