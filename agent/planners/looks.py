"""How pictures look, as a condition of the case: which images count as dark, bright, blurred.

What somebody recorded comes first: a column with the value ``dark`` or ``night`` says which pictures are meant, also where such
pictures are among those from real use alone. Only where no column says it is the measured quality taken, by its own quarters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.people.attribute_list import attribute_values
from failsight.tools.experiments.population import apart
from failsight.tools.registry import registry

if TYPE_CHECKING:
    from failsight.agent.case import Case

LOWEST: Final = 0.25  # quantiles from which on pictures count as dark, bright, blurred …
HIGHEST: Final = 0.75
_SPELLED: Final = {  # (measure, low end) → how people write it down, in the languages of many manifests
    ("brightness", True): "dark, darkness, dim, night, nighttime, night-time, at night, low light, lowlight, low-light, dusk, unlit, dunkel, nacht, nachts, "
    "nuit, sombre, noche, oscuro, oscura, notte, buio, noite, escuro, nat, mørk, natt, mörk, donker",
    ("brightness", False): "bright, sunny, sunlight, daylight, day, daytime, day-time, hell, tag, tags, tageslicht, jour, clair, día, dia, claro, giorno, "
    "luce, dag, ljus, lys",
    ("sharpness", True): "blurred, blurry, blur, out of focus, unsharp, unscharf, verwackelt, flou, floue, borroso, sfocato",
    ("sharpness", False): "sharp, crisp, in focus, scharf, net, nette, nítido, nitido",
    ("contrast", True): "foggy, fog, haze, hazy, mist, misty, nebel, neblig, dunst, brouillard, brume, niebla, nebbia",
    ("saturation", True): "grey, gray, greyscale, grayscale, infrared, ir, black and white, schwarzweiss, schwarzweiß",
}  # fmt: skip
_WORDS: Final = {key: frozenset(text.split(", ")) for key, text in _SPELLED.items()}


def condition(case: Case, measure: str, low: bool) -> str | None:
    """``lighting=dark``, or ``brightness<=0.31``: the images that count as dark (or bright, blurred …); None where they are all alike.

    Args:
        measure: what is measured of every image, such as ``brightness``.
        low: True for the lowest quarter, False for the highest.
    """
    return recorded(case, measure, low) or _measured(case, measure, low)


def recorded(case: Case, measure: str, low: bool) -> str | None:
    """``lighting=dark``, ``Licht=Nacht|nacht``: the values of a column by which somebody said so; None where no column does.

    A column of the evaluation images goes before one in which deployment images alone say so.
    """
    wanted = _WORDS.get((measure, low), frozenset())
    for columns in (attribute_values(case), attribute_values(case, everywhere=True)):
        said = {name: [v for v in values if _plain(v) in wanted] for name, values in columns.items()}
        held = {n: v for n, v in said.items() if 0 < len(v) < len(columns[n])}
        if held:
            name = max(held, key=lambda n: len(held[n]))
            return f"{name}={'|'.join(held[name])}"
    return None


def only_in(case: Case, conditions: tuple[str, ...]) -> str | None:
    """``deploy`` where the values of a condition are recorded among deployment images alone; else None."""
    here, everywhere = attribute_values(case), attribute_values(case, everywhere=True)
    for one in conditions:
        name, _, value = one.replace("!=", "=").partition("=")
        wanted = set(value.split("|"))
        if wanted & set(everywhere.get(name, ())) and not wanted & set(here.get(name, ())):
            return "deploy"
    return None


def placed(case: Case, tool: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call, of the split that alone has the images of its condition where the call says nothing else."""
    held = given.get("where") or ()
    conditions = tuple(apart(held)) if isinstance(held, str) else tuple(str(c) for c in held)
    if (
        not conditions
        or given.get("split", "data") != "data"
        or "split" not in registry()[tool].arguments.model_fields
    ):
        return dict(given)
    split = only_in(case, conditions)
    return {**given, "split": split} if split else dict(given)


def said(case: Case, held: str) -> str:
    """What was made of the word, so that nobody takes the darkest quarter for pictures of the night; empty where a column says it."""
    if "<=" not in held and ">=" not in held:
        return ""
    return prompts.say("looks.quarter", condition=held)


def _plain(value: str) -> str:
    return " ".join(value.casefold().replace("_", " ").split())


def _measured(case: Case, measure: str, low: bool) -> str | None:
    import numpy as np

    columns = case.attributes().columns
    name = next((n for n in (f"computed_{measure}", measure) if n in columns), None)
    try:
        values = np.asarray(columns[name] if name else (), float)
    except (TypeError, ValueError):  # a column of words that has the name of a measure
        return None
    values = values[np.isfinite(values)]
    at = float(f"{float(np.quantile(values, LOWEST if low else HIGHEST)):.3g}") if len(values) else 0.0
    inside = values <= at if low else values >= at
    if not inside.any() or inside.all():
        return None
    return f"{name}{'<=' if low else '>='}{at:g}"
