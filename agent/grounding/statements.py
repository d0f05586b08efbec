"""Sentences by placeholder: a planner asks for a comparison or an order, and the record says which way it goes.

``{compare recall of bathroom and kitchen on deployment}`` becomes "recall is lower for bathroom (20.3 %) than for kitchen
(59.8 %) on the deployment images [E2]". Which of two values is the larger one, and by which figures, comes from the
record: what is said this way can't be the wrong way round, whatever a model believes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from failsight.agent.grounding.measures import Measures, Side
from failsight.agent.grounding.names import Lexicon
from failsight.agent.grounding.recorded_facts import facts
from failsight.agent.state import CaseState
from failsight.tools.text import clean, number

ASKED = re.compile(r"\{\s*(?P<what>compare|order|table)\s+(?P<rest>[^{}\n]{3,160}?)\s*\}", re.IGNORECASE)
_IMAGES = {
    "data": "evaluation images", "train": "training images", "deploy": "deployment images", "pool": "pool images",
}  # fmt: skip
_OF = re.compile(r"\s(?:of|on|for|in|between|by)\s", re.IGNORECASE)
_BY = re.compile(r"^(?:the )?(?:classes|rooms|things|cues)?\s*by\s+", re.IGNORECASE)
_SLICES = re.compile(
    r"(?P<metric>[^{}]+?) (?:of|for|between) (?:the )?slices? (?P<one>.+?) (?:and|with|against) (?:the )?(?:slice )?(?P<other>.+)",
    re.IGNORECASE,
)
_EQUAL = 1e-9


def say(
    what: str, rest: str, lexicon: Lexicon, measures: Measures, state: CaseState | None = None
) -> tuple[str, str, str]:
    """(what is put there, the evidence that holds it, why nothing is). ``state``: where intervals are looked up."""
    rest = clean(rest, 160)
    if what.lower() == "table":
        return _table(rest, lexicon, measures)
    if state is not None and what.lower() == "compare" and (two := _SLICES.fullmatch(rest)) is not None:
        return _of_slices(_metric(two["metric"]), two, state)
    metric = _metric(_OF.split(_BY.sub("", rest), maxsplit=1)[0])
    if not measures.has(metric):
        return (
            "",
            "",
            f"nothing called {metric.replace('_', ' ')} is recorded; there are {', '.join(measures.names())}",
        )
    mentions = lexicon.mentions(rest)
    classes, things, splits = (
        list(dict.fromkeys(m.name for m in mentions if m.kind == kind))
        for kind in ("class", "attribute", "split")
    )
    if what.lower() == "order":
        return _order(metric, bool(things) or "things" in rest or "cues" in rest, splits, measures)
    if len(splits) > 1 and len(classes) < 2 and not things:
        return _moved(metric, classes, splits[:2], measures)
    split = splits[0] if splits else "data"
    split = "deploy" if metric == "drop" and split == "data" else split
    if len(things) > 1:
        found = measures.by_attribute(metric)
        return _two(metric, [(t, found.get(t)) for t in things[:2]], "", measures)
    sides = [(c, measures.value(metric, Side(frozenset({c}), split=split))) for c in classes[:2]]
    if state is not None and _alike(metric, classes, split, sides, state):
        (one, first), (other, second) = sides
        shown = [measures.shown(metric, v[0]) for v in (first, second) if v is not None]
        refs = _refs(v[1] for v in (first, second) if v is not None)
        told = f"{one} ({shown[0]}) and {other} ({shown[1]}) can't be told apart by {_name(metric)}{_where(metric, split)}"
        return told, refs, ""
    return _two(metric, sides, _where(metric, split), measures)


def _of_slices(metric: str, two: re.Match[str], state: CaseState) -> tuple[str, str, str]:
    """Two slices of which the newest evidence that holds both gives the value."""
    for made in reversed(state.evidence):
        found = [
            facts(made, f"{two['metric'].strip()} of slice {two[side].strip()}") for side in ("one", "other")
        ]
        values = [f[0].value for f in found if len(f) == 1]
        if len(values) < 2 or not all(isinstance(v, int | float) for v in values):
            continue
        (one,), (other,) = found
        a, b = float(values[0]), float(values[1])  # type: ignore[arg-type]
        way = "the same" if abs(a - b) < _EQUAL else "higher" if a > b else "lower"
        shown = [number(f.value, f.unit) for f in (one, other)]
        first, second = (f.of.removeprefix("slice ") for f in (one, other))
        told = f"{_name(metric)} is {way} for {first} ({shown[0]}) {'as' if way == 'the same' else 'than'} for {second} ({shown[1]})"
        split = str(made.arguments.get("split") or "data")
        return told + (f" on the {_IMAGES[split]}" if split in _IMAGES else ""), made.id, ""
    return (
        "",
        "",
        f"no evidence holds the {_name(metric)} of both slices; count_images or disaggregate measure them",
    )


def _alike(
    metric: str,
    classes: Sequence[str],
    split: str,
    sides: Sequence[tuple[str, tuple[float, str] | None]],
    state: CaseState,
) -> bool:
    """Whether the interval of the difference of two recorded shares holds 0 (Newcombe: from the two intervals)."""
    found = []
    for name, value in sides:
        made = next((e for e in state.evidence if value and e.id == value[1]), None)
        fit = (
            facts(made, f"{metric} of class {name}" + f" of split {split}" * (split != "data"))
            if made
            else ()
        )
        if len(fit) != 1 or fit[0].ci is None or not isinstance(fit[0].value, float):
            return False
        found.append((fit[0].value, *fit[0].ci))
    if len(found) < 2:
        return False
    (p, low, high), (q, least, most) = found
    below = math.hypot(p - low, most - q)
    above = math.hypot(high - p, q - least)
    return p - q - below <= 0 <= p - q + above and p != q


def _table(rest: str, lexicon: Lexicon, measures: Measures) -> tuple[str, str, str]:
    """A table of classes: ``classes: recall, precision on evaluation and deployment``."""
    about, _, wanted = rest.partition(":")
    if "class" not in about.lower() or not wanted.strip():
        return "", "", "a table is asked for like {table classes: recall, precision on deployment}"
    names = re.split(r"\s(?:on|for|in)\s", f" {wanted.strip()} ", maxsplit=1)[0]
    metrics = [_metric(m) for m in re.split(r",|\band\b", names) if m.strip()]
    splits = list(dict.fromkeys(m.name for m in lexicon.mentions(wanted) if m.kind == "split")) or ["data"]
    lost = next((m for m in metrics if not measures.has(m)), None)
    if lost is not None:
        return "", "", f"nothing called {_name(lost)} is recorded; there are {', '.join(measures.names())}"
    columns = [(m, s, measures.by_class(m, s)) for s in splits for m in metrics]
    classes = list(dict.fromkeys(c for _, _, found in columns for c in found))
    if not classes:
        return "", "", f"there is no {_name(metrics[0])} of classes on the {_IMAGES[splits[0]]}"
    refs = _refs(r for _, _, found in columns for _, r in found.values())
    heads = [f"{_name(m)}, {_IMAGES[s]}" for m, s, _ in columns]
    lines = [f"| class [{refs}] | {' | '.join(heads)} |", "|---" * (len(columns) + 1) + "|"]
    for name in classes:
        cells = [measures.shown(m, found[name][0]) if name in found else "–" for m, _, found in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines), refs, ""


def _metric(words: str) -> str:
    return "_".join(words.strip().lower().split())


def _two(
    metric: str, sides: Sequence[tuple[str, tuple[float, str] | None]], where: str, measures: Measures
) -> tuple[str, str, str]:
    known = [(n, v) for n, v in sides if v is not None]
    if len(known) < 2:
        lost = ", ".join(n for n, v in sides if v is None)
        return "", "", f"no {_name(metric)} of {lost or 'two things'} is recorded{where}"
    (one, (a, ref)), (other, (b, also)) = known
    way = "the same" if abs(a - b) < _EQUAL else "higher" if a > b else "lower"
    joined = "as for" if way == "the same" else "than for"
    shown = [measures.shown(metric, v) for v in (a, b)]
    return (
        f"{_name(metric)} is {way} for {one} ({shown[0]}) {joined} {other} ({shown[1]}){where}",
        _refs((ref, also)),
        "",
    )


def _moved(
    metric: str, classes: Sequence[str], splits: Sequence[str], measures: Measures
) -> tuple[str, str, str]:
    values = [measures.value(metric, Side(frozenset(classes), split=s)) for s in splits]
    one, other = values
    if one is None or other is None:
        lost = " and ".join(_IMAGES[s] for s, v in zip(splits, values, strict=True) if v is None)
        return "", "", f"no {_name(metric)} is recorded on the {lost}"
    way = "stays the same" if abs(one[0] - other[0]) < _EQUAL else "rises" if other[0] > one[0] else "falls"
    of = f" of {classes[0]}" if classes else ""
    first, second = (
        f"{measures.shown(metric, v[0])} on the {_IMAGES[s]}"
        for v, s in zip((one, other), splits, strict=True)
    )
    return f"{_name(metric)}{of} {way} from {first} to {second}", _refs((one[1], other[1])), ""


def _order(metric: str, things: bool, splits: Sequence[str], measures: Measures) -> tuple[str, str, str]:
    split = splits[0] if splits else "data"
    split = "deploy" if metric == "drop" and split == "data" else split
    found = measures.by_attribute(metric) if things else measures.by_class(metric, split)
    if len(found) < 2:
        return "", "", f"there is no order by {_name(metric)} on the {_IMAGES[split]}"
    ranked = sorted(found.items(), key=lambda item: -item[1][0])
    listed = ", ".join(f"{name} ({measures.shown(metric, value)})" for name, (value, _) in ranked)
    where = "" if things else _where(metric, split)
    return (
        f"by {_name(metric)}{where}, from highest to lowest: {listed}",
        _refs(r for _, (_, r) in ranked),
        "",
    )


def _where(metric: str, split: str) -> str:
    """On which images; a drop is from one set to another."""
    if metric == "drop":
        return (
            " from training to evaluation images"
            if split == "train"
            else " from evaluation to deployment images"
        )
    return f" on the {_IMAGES[split]}"


def _refs(ids: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(i for i in ids if i))


def _name(metric: str) -> str:
    return metric.replace("_", " ")
