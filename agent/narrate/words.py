"""The plain words of a report: what kinds, verdicts and people are called, for readers who run no models.

No numbers and no claims about a case stand here, only what a word means wherever it is used.
"""

from __future__ import annotations

from failsight.tools.evidence import Cell, ImageRef, Table
from failsight.tools.expectations.names import is_price, parse_name, show_value
from failsight.tools.faces import cell_text
from failsight.tools.text import clean, counted, number

# kind → (label, what it means for whoever relies on the model)
KINDS: dict[str, tuple[str, str]] = {
    "spurious_correlation": (
        "Shortcut",
        "The model takes something that often comes with the class for the class itself; where the two part, it errs.",
    ),
    "rare_case": ("Rare case", "Images of this sort were scarce in training, and the model errs on them."),
    "label_noise": (
        "Wrong labels",
        "Some images carry a label that does not fit what they show; they mislead training and measurement alike.",
    ),
    "distribution_shift": (
        "Shift",
        "The images that the model meets in use differ from those it was judged on, so figures do not carry over.",
    ),
    "leakage": (
        "Leakage",
        "Images that the model should never have seen also stand in its training set, so figures flatter it.",
    ),
    "preprocessing": (
        "Preparation of images",
        "Images reach the model prepared in another way than those it was trained on.",
    ),
    "class_order": (
        "Order of the classes",
        "The names of the classes stand in another order than the model's outputs, so right answers carry wrong names.",
    ),
    "overfitting": ("Overfitting", "The model has learnt its training images rather than the task."),
    "underfitting": ("Underfitting", "The model has not learnt the task, not even on its training images."),
    "overconfidence": (
        "Overconfidence",
        "The model is surer than it is right; its confidence must not be taken at face value.",
    ),
    "overemphasised_feature": (
        "Over-weighted cue",
        "The model leans on one visible thing more than the task allows, and neglects the rest of the image.",
    ),
    "missing_feature": (
        "Overlooked cue",
        "The model pays no heed to something by which people tell the class.",
    ),
    "class_imbalance": (
        "Unequal classes",
        "Some classes have far fewer images than others, and the model serves them worse.",
    ),
    "weak_slice": (
        "Weak spot",
        "On images of this sort the model errs more often than elsewhere; why it does is not part of this finding.",
    ),
}

FAILURES = {
    "correctness": "wrong answers",
    "robustness": "answers that do not withstand change",
    "unknown_unknowns": "wrong answers given with confidence",
    "features": "right or wrong answers for the wrong reasons",
    "fairness": "answers worse for some than for others",
    "process": "a fault in how it was trained or measured",
}

BUGS = {
    "data_statistics": "how often things occur in the data",
    "data_content": "what the images or labels contain",
    "data_engineering": "how images are prepared",
    "training_parameter": "how the model was trained",
    "structural": "how the model is built",
    "unknown": "no known place",
}

VERDICTS: dict[str | None, tuple[str, str]] = {
    "confirmed": ("Confirmed", "it held when it was tested"),
    "inconclusive": ("Undecided", "the images at hand do not decide it"),
    "refuted": ("Refuted", "it did not hold when it was tested"),
    "withdrawn": ("Taken back", "it was stated, and taken back before anybody tested it"),
    None: ("Open", "nobody has tested it yet"),
}

READINESS = {"ready": "Ready", "not_ready": "Not ready", "undecided": "Undecided"}

FAMILIES = {
    "dataset": "change of the data",
    "training": "change of the training",
    "model": "change of the model",
    "setup": "change of the set-up",
}

_STATUS = {
    "proposed": "proposed",
    "approved": "approved, not yet applied",
    "applied": "applied, not yet verified",
    "verified": "applied and verified on images that neither chose nor trained it",
    "rejected": "rejected",
}

_PEOPLE = {
    "": "nobody named",
    "api": "a Python program",
    "person": "a person",
    "planner": "the planner",
    "guided": "the guided planner",
    "auto": "the unattended run",
    "policy": "the policy of the unattended run",
}

SPLITS = {
    "data": "the evaluation images",
    "train": "the training images",
    "pool": "the unlabelled pool",
    "deploy": "the deployment images",
}

_METRICS = {
    "accuracy": "accuracy",
    "recall": "recall",
    "precision": "precision",
    "f1": "F1",
    "worst_recall": "recall of the weakest class",
    "worst_precision": "precision of the weakest class",
    "ece": "calibration error",
    "worst_group": "accuracy of the weakest group",
    "expected_cost": "expected cost an image",
    "unacceptable_errors": "share of errors that people can't accept",
    "unacceptable": "share of images with an error that people can't accept",
    "latency_ms": "latency",
    "memory_mb": "peak memory",
    "parameters_m": "parameters",
}


def kind_label(kind: str) -> str:
    """``Shortcut`` for ``spurious_correlation``; an unknown kind is spelt out."""
    return KINDS[kind][0] if kind in KINDS else clean(kind).replace("_", " ").capitalize()


def who(by: object) -> str:
    """A party of the journal in words: ``the planner``, ``a person`` or the name that was given."""
    name = clean(by or "", 60)
    return _PEOPLE.get(name, name)


def status(name: str) -> str:
    """The state of a correction in words."""
    return _STATUS.get(name, clean(name))


def criterion(name: str) -> str:
    """``recall of kitchen`` for ``recall.kitchen``, ``accuracy on the deployment images`` for ``deploy.accuracy``."""
    name = clean(name, 120)
    if is_price(name):
        return f"cost of {name.partition('.')[2].replace('>', ' taken for ')}"
    try:
        asked = parse_name(name)
    except LookupError:
        return name.replace("_", " ")
    words = _METRICS.get(asked.metric, asked.metric.replace("_", " "))
    if asked.metric == "confusion":
        words = f"share of {asked.about.replace('>', ' taken for ')}"
    elif asked.about:
        words += f" of {asked.about}"
    if asked.where:
        words += f" {'by' if asked.metric == 'worst_group' else 'where'} {asked.where}"
    return words + (f" on {SPLITS[asked.split]}" if asked.split != "data" or name.startswith("data.") else "")


def bound(name: str, value: float | None) -> str:
    """A bound as people read it: rates as percentages, latencies and counts as they are."""
    return show_value(name, value)


def count(n: int, one: str, many: str = "") -> str:
    """``1 image``, ``2 images``, ``no images``."""
    return counted(n, one, many) if n else f"no {many or f'{one}s'}"


def cell(table: Table, column: int, value: Cell) -> str:
    """One cell of a table as text: in its column's unit, texts a few sentences long at most."""
    return clean(value, 700) if isinstance(value, str) else cell_text(table, column, value)


def answer(image: ImageRef) -> str:
    """What an example image is and what the model made of it: ``true kitchen, predicted living_room (93.0 % sure)``."""
    text = f"true {clean(image.label, 60)}" if image.label else ""
    if image.prediction:
        text += (", " if text else "") + f"predicted {clean(image.prediction, 60)}"
    sure = f" ({number(image.confidence)} sure)" if image.confidence is not None else ""
    return text + sure


def image_name(image: ImageRef, withhold: bool) -> str:
    """What an example image is called: its path; where paths may tell too much, its row."""
    return f"Image {image.row:,} of {image.split}" if withhold else clean(image.path, 160)


def sentence(text: object, limit: int = 800) -> str:
    """Text from a tool or a person as one clean sentence: capital letter, full stop."""
    kept = capital(clean(text, limit))
    return kept if not kept or kept[-1] in ".!?…:" else kept + "."


def stated(text: object, limit: int = 600) -> str:
    """A tool's statement as it stands, with a full stop: it may begin with a class name, which keeps its letters."""
    kept = clean(text, limit)
    return kept if not kept or kept[-1] in ".!?…:" else kept + "."


def capital(text: str) -> str:
    """``text`` with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]
