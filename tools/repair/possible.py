"""Which of the strategies that fit a finding the training images of the case allow, and which of them comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from failsight.tools.evidence import Finding
from failsight.tools.repair.choosing import ADDING, BALANCING, UNASKED, UNTRAINED, Asked, lacks
from failsight.tools.repair.finding_words import words_of
from failsight.tools.repair.versions import AROUND
from failsight.tools.repair_sizes import slice_rows
from failsight.tools.slices.how_taken import tells_how_taken
from failsight.tools.text import clean, listing, number

if TYPE_CHECKING:
    from failsight.tools.inputs.base import AttributeTable, Split
    from failsight.tools.strategies import Strategy
    from failsight.tools.view import CaseView

OF_ITS_IMAGES = (
    *BALANCING,
    "hard_examples",
    "split_class",
)  # they handle training images of the slice, and need some
LOOKING = ("typical_augmentation", "adapt_normalisation")  # they take pictures of the look that is wanted
ORDER = "For whoever trains the model: "
GREAT = 0.3  # rise of the error in deployment from which a picture that is fed otherwise is ruled out first
Plan = tuple["Strategy", str, str]  # strategy, what to do, how the number was reckoned


def allowed(view: CaseView, finding: Finding, plans: Sequence[Plan]) -> list[Plan]:
    """``plans`` without those that the case's training images rule out; collecting comes first where training has none.

    Without training images in the case nothing is ruled out: whoever trains elsewhere may have what it takes.
    """
    if "train" not in view.splits():
        return list(plans)
    none = _none_in_training(view, finding)
    asked = Asked("", finding, None, None, None, None, 1, "auto", "usual")
    kept = [p for p in plans if not _ruled_out(view, asked, p[0].name, none)]
    kept.sort(key=lambda p: p[0].name in LOOKING and bool(lacks(view, p[0].name, asked)))
    if none:
        kept.sort(key=lambda p: p[0].name not in ADDING)
    return kept


def _ruled_out(view: CaseView, asked: Asked, name: str, none: bool) -> bool:
    return (none and name in OF_ITS_IMAGES) or (name in BALANCING and bool(lacks(view, name, asked)))


def _none_in_training(view: CaseView, finding: Finding) -> bool:
    """Whether no training image is in the slice, where its attributes are known of them; not asked of a whole class."""
    if not finding.slice or finding.kind in ("class_imbalance", "label_noise"):
        return False
    inside = slice_rows(view, view.table("train"), finding.slice)
    return inside is not None and not inside.any()


def here_first(view: CaseView, finding: Finding, plans: Sequence[Plan]) -> list[Plan]:
    """Where there are only answers, no model and no training images: what can be done without training comes first, then what to collect;
    what has to be trained is told as an order to whoever trains the model. A group by a circumstance that was recorded is looked at on
    the spot before anything else."""
    if view.has_model() or "train" in view.splits():
        return list(plans)
    first = [] if plans and plans[0][0].name == "data_engineering" else _on_the_spot(view, finding)
    kept = [p for p in plans if not first or p[0].name != "data_engineering"]
    made = [*first, *kept]
    lead = made[:1] if made and made[0][0].name == "data_engineering" else []
    rest = sorted(made[len(lead) :], key=lambda p: _distance(p[0].name, finding))
    return [(s, _ordered(s.name, text), how) for s, text, how in (*lead, *rest)]


def _ordered(name: str, text: str) -> str:
    return text if name in (*UNTRAINED, "collect") else f"{ORDER}{text[:1].lower()}{text[1:]}"


def _distance(name: str, finding: Finding) -> int:
    """How far a repair is from people who have only a model's answers."""
    if name == "relabel" and finding.kind == "label_noise":
        return 0
    if name in AROUND and name != UNASKED:
        return 1
    return 2 if name == "collect" else 3 if name in UNTRAINED else 4


def _on_the_spot(view: CaseView, finding: Finding) -> list[Plan]:
    """A look at how the pictures of a group come about, where a circumstance of their taking was recorded (a line, a lamp, a shift)."""
    from failsight.tools.strategies import STRATEGIES

    split = cast("Split", finding.split)
    if finding.kind not in ("weak_slice", "rare_case") or not finding.slice or split not in view.splits():
        return []
    table = view.attributes(split)
    taken = [n for n, value in finding.slice.items() if _recorded(table, n, value)]
    if not taken:
        return []
    text = (
        f"Look on the spot at how {words_of(finding)['images']} come about, beside others of the same classes: camera, lens, lamp, place, what "
        f"lies or moves there, how they are stored. Set right what differs, and measure anew. {listing([clean(n, 40) for n in taken])} "
        f"{'was' if len(taken) == 1 else 'were'} recorded, which says where to look and not who or what is to blame."
    )
    how = "a recorded circumstance marks the group, and nothing has to be trained for a look"
    return [(s, text, how) for s in STRATEGIES if s.name == "data_engineering"]


def _recorded(table: AttributeTable, name: str, value: str) -> bool:
    """Whether a column of the case says how pictures were taken."""
    if name not in table.columns or table.sources.get(name) != "metadata":
        return False
    column = table.columns[name]
    if column.dtype != object:
        return tells_how_taken(name, (), value, ranges=True)
    values = list(dict.fromkeys(str(v) for v in column.tolist() if v is not None))
    return tells_how_taken(name, values, value)


def fed_first(finding: Finding, made: Sequence[Plan]) -> list[Plan]:
    """Before images are collected for a great drop in deployment, how its pictures are fed is looked at: that costs a minute."""
    drop = (finding.error_rate or 0.0) - (finding.base_error_rate or 0.0)
    if finding.kind != "distribution_shift" or finding.split not in ("data", "deploy") or drop < GREAT:
        return list(made)
    text = (
        "See first whether the deployment images are fed as the model was trained (preprocessing_probe split=deploy), and whether they "
        "show the same kind of picture (inverted, turned, of other colours). If not, mend how they are prepared, and judge again."
    )
    first = [
        (s, text, f"the error rises by {number(drop, 'points')}")
        for s, *_ in made
        if s.name == "data_engineering"
    ]
    return [*first, *[p for p in made if p[0].name != "data_engineering"]]
