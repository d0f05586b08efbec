"""Sentences that name the measurement itself: ``paste a cat into other rooms``, ``a heat map of #12``, ``pick 50 images to label``.

What a person says with the verb of a tool is no question of the bank to be guessed at: the call is read from the words.
Every pattern needs its object (an image, a thing in the pictures, a class …) where the tool does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from failsight.knowledge_base.conditions import conditions_of
from failsight.knowledge_base.details import smallest_effect
from failsight.knowledge_base.directions import asks_for_confusions, last_wish
from failsight.knowledge_base.lexical import fold
from failsight.knowledge_base.vocabulary import Mentions

Slots = Mapping[str, Any]
Reader = Callable[[str, Mentions, Slots], tuple[str, dict[str, Any]] | None]

_ADD: Final = re.compile(
    r"\b(?:add|insert|past|put|stick|place|drop)(?:e|s|ing|ed|ting)?\b(?!.*\b(?:attribute|value|label)\b)"
)
_BECOME: Final = re.compile(r"\b(?:becom\w*|turn\w* into|be (?:called|taken for|seen as))\b")
_HOW_MANY: Final = re.compile(r"\b(?:how many|number of|count)\b")
_FLAT: Final = re.compile(r"\b(?:two|2) ?-?(?:dimensions?|d)\b|\bscatter ?plot\b")
_SOME_HARDER: Final = re.compile(
    r"\b(?:some|certain|a few)\b.*\b(?:harder|worse|easier|more difficult)\b.*\bthan\b"
)
_INTO: Final = re.compile(r"\b(?:in|into|to|onto|on|without)\b")
_SWAP: Final = re.compile(
    r"\b(?:swap|exchang|replac|substitut|switch|trad(?:e|ing))\w*\b|\bin (?:its|their) (?:place|stead)\b"
)
_BACKGROUND: Final = re.compile(
    r"\b(?:everything (?:but|except|else)|all but|the rest|background|surroundings?|behind)\b"
)
_MASK: Final = re.compile(
    r"\b(?:mask|cover|hid|blank|black|occlud|eras|paint)(?:e|s|es|ed|ing|ding|en)?\b(?: (?:up|out|over))?"
)
_MATTERS: Final = re.compile(
    r"\b(?:matter|rel(?:y|ies)|us(?:e|es|ing)|depend|influence|affect|look|something|anything|give away|gives)\w*\b"
)
_BY: Final = re.compile(r"\bby (?:adding|inserting|pasting|putting)\b")
_HEAT: Final = re.compile(
    r"\b(?:heat ?maps?|saliency|salience|grad.?cam|layer.?cam|attention maps?|(?:visuali[sz]e|show|see|plot|map) (?:the |its )?attention|occlusion maps?|attributions?|attribution maps?|"
    r"integrated gradients|smooth.?grad|attention rollout|highlight\w*)\b"
)
_PARTS: Final = re.compile(
    r"\b(?:which|what) (?:parts?|areas?|regions?|pixels?|places?|spots?)\b.*\b(?:matter|look|use|important|count|focus|attend|decid|watch)\w*"
)
_SPACE: Final = re.compile(
    r"\b(?:feature|embedding|latent|representation) space\b|\bembeddings?\b|\bt-?sne\b|\bumap\b|\bmap of (?:the|how|all|its|what)\b(?!.*\battention\b)"
)
_PICK: Final = re.compile(
    r"\b(?:pick|select|choose|which|what|suggest|propose)\b.*\b(?:label|annotat|annotation|labell?ing|tag)\w*\b|\b(?:label|annotate)\b(?: \w+)? \d+"
)
_LABELS: Final = re.compile(
    r"\b(?:wrong|mis|noisy|bad|incorrect)\w*\b|\blabels?\b.*\b(?:right|correct|trust\w*)"
)
_COUNT: Final = re.compile(
    r"\b(\d{1,5})\b(?= (?:more |new |further |other |extra )?(?:\w+ )?(?:images?|pictures?|photos?|samples?))"
)
_NEAR: Final = re.compile(
    r"\b(?:nearest|neighbou?rs?|similar|look(?:s|ing)? (?:most |a lot |very much )?like|resembl\w*|look.?alikes?|closest)\b"
)
_COMPARE: Final = re.compile(r"\b(?:compar\w*|contrast|differen\w*|alike|same|similar\w*|versus|vs|both)\b")
_TURN: Final = re.compile(
    r"\bsmallest change\b|\bcounterfactual\w*|\bwhat would (?:have to|need to|it take)\b|\b(?:what|which parts?) (?:must|has to|have to|needs? to|should) (?:be )?chang\w*|\bleast change\b|\bminimal change\b|\bhow (?:little|much) (?:must|has to|would)\b|\bturns? (?:\S+ )?into\b|\bwhat (?:would|could|will|does|might) (?:make|turn|change|flip)\b|\bthe least (?:that|which|to|thing)\b"
)
_WEAK: Final = re.compile(
    r"\bweak(?:nesses|ness)? ?(?:spots?|points?|sides?)?\b(?!.*\bclass)|\bblind spots?\b|\bbreaks? (?:down)?\b|\b(?:kinds?|sorts?|types?) of\b.*\b(?:can ?'?t|cannot|struggl\w*|fail\w*|wrong|trouble|trip\w*|hard\w*|difficult\w*|badly|confus\w* it)\b|\bunder (?:which|what) (?:circumstances|conditions)\b|"
    r"\bwhat (?:is|'?s) (?:special|different|common|peculiar|in common)\b.*\b(?:wrong|fail\w*|miss\w*|err\w*)\b|\b(?:wrong|fail\w*|mis\w+|err\w*)\b.*\bin common\b"
)
_BALANCE: Final = re.compile(
    r"\b(?:is|are) (?:it|they|the (?:data|classes|data ?set)|everything|our data)\b.*\bbalanced\b|\bclass balance\b"
)
_EACH: Final = re.compile(
    r"\b(?:per|by|for (?:each|every)|each|every) ?-?(?:class|category|label|room)\b.*\b(?:result|score|accura|recall|precision|f1|number|figure)\w*"
    r"|\b(?:result|score|accurac|recall|precision|f1|figure)\w*\b.*\b(?:per|by|for (?:each|every)|each|every) ?-?(?:class|category|label|room)\b|\b(?:figures?|numbers?|scores?|results?|recall|precision|f1)\b.*\ball (?:the )?(?:classes|categories|rooms|labels)\b|\bper.class (?:results?|scores?|figures?)\b|\bprecision and recall\b"
)
_TYPICAL: Final = re.compile(
    r"\b(?:typical|prototyp\w*|representative|atypical|untypical|odd ones|criticisms?|characteristic)\b"
)
_GROUPS: Final = re.compile(
    r"\b(?:between|across|among|by|per|over)\b.*|\bcompare\b.*\b(?:error|accuracy|rate|perform)\w*|\b(?:gap|disparit\w*|fair\w*)\b"
)
_RATES: Final = re.compile(
    r"\b(?:error|accura|rate|perform|gap|difference|differ|worse|better|fair|disparit|discrimin|bias)\w*\b"
)
_DRIFT: Final = re.compile(
    r"\bdrift\w*|\bshift(?:ed|s)?\b|\b(?:deploy\w*|field|production|wild)\b.*\b(?:differ\w*|chang\w*|other|unlike)\b|\b(?:differ\w*|chang\w*|unlike)\b.*\b(?:deploy\w*|field|production|wild)\b"
)
_CALIBRATED: Final = re.compile(r"\b\d{2,3} ?(?:%|per ?cent)\b.*\b(?:really|mean\w*|true|trust\w*|right)\b")
_RUN: Final = re.compile(
    r"\b(?:run|do|make|start) (?:an? |the )?evaluation\b|\bevaluate (?:it|the model|the network|this)\b|\b(?:which|what) (?:overall )?accuracy\b"
)
_TRUST: Final = re.compile(
    r"\b(?:softmax|probabilit\w*|confidences?|scores?|percentages?)\b.*\b(?:meaning\w*|trust\w*|reliable|calibrat\w*|believ\w*|honest)\b"
)
_TRICKY: Final = re.compile(r"\bwhich\b.*\b(?:problematic|difficult|hard|tricky|troublesome|challenging)\b")
_SURE: Final = r"(?:sure|confident\w*|confidence|certain\w*|convinc\w*|conviction)"
_BLUNDER: Final = r"(?:wrong\w*|errors?|mistakes?|mistaken|blunders?|fail\w*)"
_SURE_AND_WRONG: Final = re.compile(rf"\b{_SURE}\b.*\b{_BLUNDER}\b|\b{_BLUNDER}\b.*\b{_SURE}\b")
_SPOILT: Final = re.compile(
    r"\b(?:lens|smear\w*|dirt\w*|shak\w+|grain\w*|nois\w+|jpe?g|compress\w*|blur\w*|perturb\w*|corrupt\w*|tamper\w*|fog\w*|rain\w*|rotat\w*|adversarial\w*)\b"
)
_STANDS: Final = re.compile(
    r"\b(?:robust\w*|sensitiv\w*|surviv\w*|cop(?:e|es|ing)|stands?|hold up|break\w*|happen\w*|hurt\w*|handl\w*|tolerat\w*|affect\w*|resist\w*|withstand\w*)\b"
)
_READY: Final = re.compile(
    r"\bgood enough\b|\b(?:ship|release|launch|deploy) (?:it|this|that|the model)\b|\bgo live\b|\bsign.?off\b|\bgo or no.?go\b|"
    r"\b(?:meet|fulfil|satisf)\w*\b.*\b(?:requirement|criteri|expectation|bar)\w*"
)
_RETRAIN: Final = re.compile(r"\b(?:would|should|could|shall)\b(?: \w+)? (?:re-?train\w*|fine.?tun\w*)\b")
_CHANGES: Final = re.compile(
    r"\b(?:chang\w*|influenc\w*|affect\w*|differen\w*|effect|depend\w*|matter\w*|worse|better|more|higher|lower|impact)\b"
)
_ERRORS: Final = re.compile(r"\b(?:errors?|error rates?|errs?|accura\w*|mistakes?|fail\w*|wrong)\b")
_IS_IT_WORSE: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok|okay|well|then)\W+)*(?:is|does|do|are) (?:it|this|they|the (?:model|network|classifier))\b(?: \w+){0,3}? (?:worse|better|less (?:good|accurate)|more (?:accurate|reliable)|badly|poorly|well)\b"
)
_TROUBLES: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok|okay|well|then)\W+)*(?:is|are|does|do|can|could)\b.*\b(?:problems?|trouble|issues?|to blame|hurt\w*|harm\w*|at fault|causes?|reasons?)\b"
)
_TOO: Final = re.compile(
    r"^\W*(?:is|are) (?:(?:my|the|our|these|those|some|many|any) )*(?:of (?:my|the|our) )?(?:images?|pictures?|photos?|data)?\b.*\btoo (?:dark|bright|blurr\w*|small|large|big|noisy|grey|pale|similar|different|compressed)\b"
)
_HOW_GOOD: Final = re.compile(
    r"^\W*(?:(?:so|and|but|ok|okay|well|then)\W+)*how (?:good|bad|accurate|reliable|well) (?:is|does) (?:it|this|the (?:model|network|classifier)|my model)(?: (?:really|actually|do|perform|work|overall|now|at all))*\W*$"
)
_CHECKS: Final = re.compile(
    r"\b(?:check|verify|audit|inspect|examine|review|test|validate|clean|control|assess|go (?:over|through))\w*\b(?: \w+){0,4}? (?:labels?|labelling|annotations?|ground truth)\b"
)
_LOOK: Final = re.compile(r"\b(?:textures?|shapes?|colou?rs?|backgrounds?|borders?|frequenc\w+)\b")
_LEANS: Final = re.compile(
    r"\b(?:bias\w*|depend\w*|rel(?:y|ies)|cares?|go(?:es)? by|us(?:e|es|ing)|sensitive|matters?|driv\w*|prefer\w*|focus\w*|based|lean\w*)\b"
)
_THAN_OTHERS: Final = re.compile(
    r"\b(?:more|worse|harder|poorer|better|less|higher|lower|oftener)\b.*\b(?:than|others?|the rest|the remaining|without)\b|\b(?:fail\w*|err\w*|stumbl\w*|wrong|mistak\w*|miss\w*)\b (?:\w+ ){0,4}?more(?: often)?\b|"
    r"\b(?:does|do|perform\w*|is) (?:\w+ ){0,3}?worse on\b"
)
_WHICH: Final = re.compile(r"^\W*(?:which|what|where|on which|under which|in which|how)\b")
_MUST_SEE: Final = re.compile(r"\bneeds? to (?:see|find|spot|notice)\b")
_HOW_WELL: Final = re.compile(r"\b(?:accura|perform|score|recall|precision|how (?:well|good|often))\w*\b")


def instructed(mentions: Mentions, slots: Slots, tools: Sequence[str]) -> dict[str, Any] | None:
    """The call that the sentence names by its own words, or None.

    Args:
        slots: what the sentence gives for each slot (:func:`failsight.knowledge_base.arguments.values`).
        tools: the tools that exist; none known: all are taken to exist.
    """
    text = fold(_blanked(mentions))
    for reader in _READERS:
        made = reader(text, mentions, slots)
        if made is not None and (not tools or made[0] in tools):
            return {"tool": made[0], "arguments": {k: v for k, v in made[1].items() if v is not None}}
    return None


def _blanked(mentions: Mentions) -> str:
    """The sentence with names taken out, so that none is taken for a verb."""
    text = list(mentions.sentence)
    for one in mentions.found:
        text[one.start : one.end] = " " * (one.end - one.start)
    return "".join(text)


def _thing(slots: Slots) -> str | None:
    region = slots.get("region")
    return str(region) if region else None


def _finding(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    name = slots.get("finding")
    if not name or not re.search(
        r"\b(?:test|try|check|run|verify|mask|cover|add|insert|past|swap|exchang)\w*\b", text
    ):
        return None
    if _BY.search(text) or re.search(
        r"\b(?:adding|insertion|inserting|pasting) test\b|\btest_by_adding\b", text
    ):
        return "test_by_adding", {"finding": name}
    if _SWAP.search(text):
        return "test_by_swapping", {"finding": name}
    return ("test_by_masking", {"finding": name}) if _MASK.search(text) or "test" in text else None


def _swapping(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    thing = _thing(slots)
    if not thing or slots.get("image") or not _SWAP.search(text):
        return None
    keep = True if _BACKGROUND.search(text) else None
    return "test_by_swapping", {"region": thing, "class_name": slots.get("class"), "keep": keep}


def _adding(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    thing = _thing(slots)
    becomes = _BECOME.search(text) and slots.get("class2")
    if not thing or not thing.startswith("box:") or slots.get("image") or not (_ADD.search(text) or becomes):
        return None
    if _BECOME.search(text) and slots.get("class2"):
        return "test_by_adding", {"cue": thing, "class_name": slots["class2"]}
    asks = re.search(r"\b(?:see|whether|if|does|do|check|what happens|other|without|where)\b", text)
    return (
        ("test_by_adding", {"cue": thing, "class_name": slots.get("class")})
        if asks or _INTO.search(text)
        else None
    )


def _masking(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    thing = _thing(slots)
    if not thing or slots.get("image"):
        return None
    if not _MASK.search(text) and (thing.startswith("box:") or not _MATTERS.search(text)):
        return None
    return "test_by_masking", {"region": thing, "class_name": slots.get("class")}


def _turning(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    if not slots.get("image") or not _TURN.search(text):
        return None
    return "counterfactual_pair", {"image": slots["image"], "other_class": slots.get("class")}


def _editing(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    if not slots.get("image") or not slots.get("edits") or slots.get("image2"):
        return None
    return "what_if", {"image": slots["image"], "edits": slots["edits"]}


def _pictures(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    image, second = slots.get("image"), slots.get("image2")
    if image and second and _COMPARE.search(text):
        return "compare_images", {"first": image, "second": second}
    if image and not second and _NEAR.search(text):
        return "nearest", {"image": image}
    return None


def _confusions(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    """The images that are taken for a class: ``which images are taken for kitchen``."""
    if not asks_for_confusions(mentions) and not asks_for_confusions(last_wish(mentions)):
        return None
    given = {"true_class": slots.get("true"), "predicted_class": slots.get("predicted")}
    return "confusion_matrix", {**given, "top": slots.get("top"), "split": slots.get("split")}


def _map(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    if _HEAT.search(text):
        if slots.get("image"):
            return "saliency", {
                "image": slots["image"],
                "class_name": slots.get("class"),
                "method": slots.get("method"),
            }
        return "saliency", {"class_name": slots.get("class"), "method": slots.get("method")}
    leans = (
        _LOOK.search(text) and _LEANS.search(text) and not slots.get("region") and not slots.get("attributes")
    )
    if not slots.get("image") and (leans or (_MUST_SEE.search(text) and slots.get("class"))):
        return "cue_profile", {"class_name": slots.get("class")}
    if _PARTS.search(text) and (slots.get("class") or slots.get("image")):
        return "saliency", {"image": slots.get("image"), "class_name": slots.get("class")}
    if (_SPACE.search(text) or _FLAT.search(text)) and not slots.get("class2"):
        colour = slots.get("attribute") if re.search(r"\bcolou?red\b|\bby\b", text) else None
        return "embedding_map", {"class_name": slots.get("class"), "colour": colour}
    return None


def _picking(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    if not _PICK.search(text) or _LABELS.search(text) or slots.get("class"):
        return None
    number = _COUNT.search(text) or re.search(r"\b(\d{2,5})\b", text)
    asks = re.search(
        r"\b(?:should|next|more|for (?:labell?ing|annotation)|to (?:label|annotate)|worth)\b", text
    )
    if number is None and not asks:
        return None
    return "select_data", {"budget": int(number[1]) if number else None}


def _labels(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    """Whether labels are right, of the split and the class that the sentence names: ``check the training labels for frog``."""
    if not _CHECKS.search(text) or slots.get("image") or slots.get("class2") or slots.get("attributes"):
        return None
    return "label_noise", {"split": slots.get("split"), "class_name": slots.get("class")}


def _data(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    named_more = any(slots.get(k) for k in ("class2", "object", "attributes", "predicted"))
    if _HOW_MANY.search(text) and slots.get("class") and not named_more and not _ERRORS.search(text):
        return "data_statistics", {"split": slots.get("split"), "class_name": slots["class"]}
    if _TOO.match(text) and not named_more:
        return "data_statistics", {"split": slots.get("split"), "class_name": slots.get("class")}
    if _BALANCE.search(text):
        return "data_statistics", {"split": slots.get("split")}
    if _TYPICAL.search(text) and slots.get("class") and not slots.get("class2"):
        return "prototypes_and_criticisms", {"class_name": slots["class"]}
    if _SPOILT.search(text) and _STANDS.search(text) and not slots.get("object") and not slots.get("image"):
        return "robustness_probe", {"class_name": slots.get("class")}
    if _DRIFT.search(text) and not slots.get("object") and not _HOW_WELL.search(text):
        return "shift", {"class_name": slots.get("class")}
    return None


def _sureness(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    """How sure it is, and whether that can be believed."""
    if slots.get("image") or slots.get("attributes"):
        return None
    if _SURE_AND_WRONG.search(text):
        return "unknown_unknowns", {"class_name": slots.get("class")}
    if _TRUST.search(text) or _CALIBRATED.search(mentions.sentence.lower()):
        return "confidence_profile", {"class_name": slots.get("class")}
    return None


def _next_move(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    """Repair, release."""
    if _RETRAIN.search(text):
        return "propose_correction", {"finding": slots.get("finding")}
    if _READY.search(text) and not slots.get("class") and not slots.get("attributes"):
        return "readiness", {}
    return None


def _by_attribute(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    """Whether an attribute, or a thing in the pictures, goes with errors."""
    attributes = slots.get("attributes")
    things = attributes or ([slots["object"]] if slots.get("object") else [])
    alone = not slots.get("image") and not slots.get("class2")
    group = conditions_of(mentions) if alone else []
    tested = _THAN_OTHERS.search(text) or (_ERRORS.search(text) and smallest_effect(mentions.sentence))
    if group and tested and not _WHICH.search(text):  # one group, named beforehand
        true = slots.get("true")
        return "compare_group", {"where": tuple(group), "class_name": true, "called": slots.get("predicted")}
    if things and alone and (_IS_IT_WORSE.match(text) or _TROUBLES.match(text)):
        return "find_slices", {"attributes": things, "within_class": slots.get("class")}
    if things and alone and _ERRORS.search(text) and _CHANGES.search(text):
        return "find_slices", {"attributes": things, "within_class": slots.get("class")}
    if attributes and not slots.get("class") and _GROUPS.search(text) and _RATES.search(text):
        return "disaggregate", {"attributes": attributes}
    return None


def _rates(text: str, mentions: Mentions, slots: Slots) -> tuple[str, dict[str, Any]] | None:
    """How well it does, and on which images it does not."""
    if slots.get("attributes"):
        return None
    name = slots.get("class")
    general = not any(slots.get(k) for k in ("class", "image", "object"))
    if general and (_HOW_GOOD.match(text) or _RUN.search(text) or _EACH.search(text)):
        return "evaluate", {"split": slots.get("split")}
    if name and not slots.get("class2") and (_TRICKY.search(text) or _SOME_HARDER.search(text)):
        return "find_slices", {"within_class": name}
    return ("find_slices", {"within_class": name}) if _WEAK.search(text) and not slots.get("object") else None


_READERS: Final[tuple[Reader, ...]] = (
    _finding, _turning, _editing, _swapping, _adding, _masking, _pictures, _confusions, _map, _picking, _labels, _data, _sureness, _next_move,
    _by_attribute, _rates,
)  # fmt: skip
