"""Words by which a sentence says what a number is about: quantities, splits, verdicts, causes, hedges."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache


def _words(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


SPLITS: Mapping[str, re.Pattern[str]] = {
    "deploy": _words(r"\bdeploy\w*|\bin the field\b|\bin production\b|\breal[- ]world\b|\bin use\b|\bfrom use\b|\bpictures of use\b|\busers?['’]?s?['’]? (?:own )?(?:pictures|photos|images|homes|phones)\b|\b(?:from|by) (?:the )?users\b|\bpeople took\b|\bin (?:real life|practice|the wild|(?:everyday|real|actual|daily) use|real homes)\b|\breal[- ]life\b|\blive (?:images|pictures|data)\b|\bphone (?:pictures|photos|images)\b|\bin the home\b|\bat home\b|\b(?:field|production|customer|live|real) (?:photos|pictures|images|data|shots|set)\b|\bin service\b|\bafter (?:launch|roll-?out|release|deployment)\b|\bonce (?:launched|released|live|in use)\b"),
    "train": _words(r"\btrain(?:ing|ed)?\b(?! (?:record|curves?|runs?|procedure|code|history|log))|\b(?:while|during|when) (?:it was )?learning\b|\blearned (?:from|on)\b"),
    "data": _words(r"\bevaluation\b|\beval\b|\bnew (?:ones|images|pictures|data|photos)\b|\bunseen\b|\bnever (?:seen|saw)\b|\btest (?:images|pictures|photos|set|data|split)\b|\bheld[- ]out\b|\bwas judged on\b"),
    "pool": _words(r"\bpool\b"),
}  # fmt: skip

#: how a record names a quantity → the quantity; the first that fits counts
RECORDED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (_words(pattern), name)
    for pattern, name in (
        (r"^share of all errors$", "share_of_errors"), (r"^among_errors$", "among_errors"), (r"area", "area"), (r"salien", "saliency"),
        (r"control_flip|control flip", "control_flip"), (r"flip", "flip"), (r"control_mended", "control_mended"), (r"mended", "mended"),
        (r"control_effect|control effect", "control_effect"), (r"cue_effect", "cue_effect"), (r"smallest", "smallest"),
        (r"minimum_effect", "minimum_effect"), (r"control_change", "control_ratio"), (r"^effect_sd", "effect_sd"), (r"^effect", "effect"),
        (r"macro_?\s?precision", "macro_precision"), (r"macro_?\s?f1", "macro_f1"), (r"balanced", "balanced_accuracy"),
        (r"baseline", "baseline"), (r"worst_?\s?recall", "worst_recall"), (r"drop", "drop"), (r"class_mix", "class_mix"),
        (r"recall", "recall"), (r"precision", "precision"), (r"\bf1\b", "f1"), (r"accuracy", "accuracy"),
        (r"confusion_rate|^rate$|share of the true class", "confusion"), (r"reverse rate", "reverse"),
        (r"confident_errors", "confident_errors"), (r"confidence_wrong", "confidence_wrong"), (r"confidence_right", "confidence_right"),
        (r"overconfidence", "gap"), (r"confidence", "confidence"), (r"^ece$|calibration", "ece"),
        (r"excess", "excess"), (r"images_to_verify", "verify"), (r"pull", "pull_gap"),
        (r"^elsewhere$", "error"), (r"^error|error_rate", "error"), (r"^in training$", "frequency"),
        (r"bright", "brightness"), (r"contrast", "contrast"), (r"saturat", "saturation"), (r"sharp", "sharpness"),
        (r"colourful", "colourfulness"), (r"jpeg", "jpeg"), (r"file size", "file_size"), (r"hue", "hue"), (r"aspect", "aspect"),
        (r"imbalance", "imbalance"), (r"near_dup", "near_duplicates"), (r"exact_dup", "duplicates"), (r"leak", "leak"),
        (r"contradictory", "contradictory"), (r"left_out|left out", "left_out"), (r"unlabelled", "unlabelled"), (r"parameters", "parameters"),
        (r"standardised", "standardised"), (r"^(?:images|number|n|of|tested|pictures)$|images$", "images"), (r"^right$", "accuracy"),
        (r"^p$", "p"), (r"^q$", "q"), (r"readiness", "readiness"),
    )
)  # fmt: skip

#: quantity → the words of which a sentence has to use one; a quantity that is not here is known by its own name
SAID: Mapping[str, re.Pattern[str]] = {
    name: _words(pattern)
    for name, pattern in {
        "accuracy": r"accura|\bacc\b|\bright\b|correct|recogni[sz]|\bhit|\bscores?\b(?! of)|\breach(?:es|ed)?\b|\bgets\b|\bmanages\b|\bachieves?\b|\battains?\b", "recall": r"recall|weakest|strongest|recogni[sz]|\bright\b|accura|correct|\bfound\b|\bdetect",
        "balanced_accuracy": r"balanced", "macro_precision": r"macro", "macro_f1": r"macro", "worst_recall": r"worst|recall",
        "precision": r"precision|\bright(?:ly)?\b|believe|correct|trust", "f1": r"\bf1\b", "baseline": r"baseline|always|guess",
        "error": r"\bnot\b|n't\b|error|wrong|fail|\bmis(?!take)|unnotic|undetect|overlook|incorrect|mistake|unrecogni|not (?:right|recogni)|harder|weak",
        "confusion": r"taken|call|mistak|confus|mix|answer|end up|swap|→|\bas\b|\bsays?\b|revers|other way|labell?ed",
        "pull": r"call|answer|drawn?\b|pull|towards|attract|\bsays?\b|taken|confus|→|shortcut|sign of|lead|wrongly|go along",
        "pull_gap": r"call|answer|drawn?\b|pull|towards|attract|\bsays?\b|taken|→|shortcut|sign of|lead|wrongly|more|difference|points",
        "answers": r"answer|predict|says?\b|said|call", "share_of_errors": r"errors|mistakes|wrong", "among_errors": r"error|mistake|wrong|fail",
        "gap": r"confiden|\bsure|gap|calibrat|trust", "confidence": r"confiden|\bsure", "ece": r"\bece\b|calibration",
        "confidence_wrong": r"confiden|\bsure", "confidence_right": r"confiden|\bsure", "confident_errors": r"confiden|\bsure",
        "drop": r"drop|fall|fell|los[est]|loss|less|lower|worse|more|gain|higher|down|declin|decreas|cost|shift|differ|gap|improv|below|above|better|rise|sink|change",
        "frequency": r"show|\bhave\b|\bhas\b|\bwith|rare|frequen|\bare in\b|\bis in\b|appear|visible|present|make up|contain|\bcome|seen|there\b|common|includ|share|of (?:the|all) (?:\w+ )?(?:set|images|pictures|data)\b|% of (?:training|evaluation|deployment) (?!images? are\b)",
        "effect": r"effect|mask|cover|hid|influence|experiment|excess|difference|more|points|less|pull|remov",
        "cue_effect": r"mask|cover|hid|remov|without|tak(?:en|ing) away", "control_effect": r"elsewhere|control|equal|same|patch|as much|other",
        "flip": r"flip|chang|give[sn]? up|switch|turn|answer", "control_flip": r"elsewhere|control|equal|same|patch|as much|other",
        "mended": r"mend|repair|correct|right", "control_mended": r"elsewhere|control|equal|same|patch|as much|other",
        "minimum_effect": r"bar\b|beforehand|minimum|at least|threshold|set\b", "smallest": r"smallest|power|detect|(?:c|w)ould (?:\w+ly )?have|escap|missed",
        "saliency": r"salien|map|\blook|attention|evidence|heat", "area": r"\barea|surface|of the (?:image|picture)",
        "excess": r"excess|stake|errors|costl", "draws": r"draw|control|patch|random", "verify": r"verif|enough|repaired|need|improvement|collect|prove|retest",
        "images": r"\bsets?\b|image|picture|photo|\bn\s?=|\bof\b|class|room|sample|test|cases?\b|\bit\b|them\b", "imbalance": r"balanc|largest|smallest",
        "p": r"\bp\b|p-value|signific", "q": r"\bq\b|correct", "bound": r"\bbar\b|\bbound|expect|at least|criteri|target|must|require|below|demand|short|goal|threshold|\basked|\bask(?:s|ing)? for|\bpass mark|\bwanted|\byou (?:want|need|set)\b|\bminimum",
        "brightness": r"bright|dark|dimm?er", "contrast": r"contrast", "saturation": r"saturat|colourful", "sharpness": r"sharp|blur",
        "colourfulness": r"colourful", "jpeg": r"jpeg|compress", "file_size": r"file size|size of the files|bytes|files|smaller files",
        "standardised": r"standardi[sz]ed|standard deviation|difference", "hue": r"hue|orange", "near_duplicates": r"alike|duplicate|resembl|similar",
        "duplicates": r"twice|duplicate|cop(?:y|ies)|same", "leak": r"leak|overlap", "left_out": r"left out|skipp|exclud|missing|unread",
        "unlabelled": r"unlabell?ed|without labels?|no labels?", "parameters": r"parameter|weights", "input_width": r"pixel|size|input|side|crop|wid", "input_height": r"pixel|size|input|side|crop|high|height", "count": r"\w",
        "slice_effect": r"effect|more|higher|differ|excess|points|worse|rais|increas|harder",
        "cue_change": r"mask|cover|hid|remov|without|tak(?:en|ing) away", "control_change": r"elsewhere|control|equal|same|patch|as much|other",
        "false_answers": r"wrong|something else|\bnot\b|n't|error|false",
        "region_share": r"\bcovers?\b|\barea\b|of the (?:image|picture)|large", "slices_counted": r"count|search|look", "slices_tested": r"test|tried", "slices_confirmed": r"confirm|fail|hold|report|weak|groups|slices",
        "proportion": r"make up|makes up|\bshare|proportion|balanc|frequent|every (?:fifth|class)",
    }.items()
}  # fmt: skip

_ERRORS = "error false_answers share_of_errors among_errors confusion reverse confident_errors excess confidence_wrong pull slice_effect drop images bound"
_CALLS = "confusion reverse pull pull_gap answers difference flip control_flip share_of_errors false_answers precision effect cue_effect gap images"
_MASKS = "effect cue_effect control_effect cue_change control_change flip control_flip mended control_mended region_share control_ratio images draws minimum_effect"
#: words that fix the quantity: where one stands nearby, no other quantity may be meant
EXCLUSIVE: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (_words(pattern), frozenset(names.split()))
    for pattern, names in (
        (r"\balways (?:answer|say|said|predict|giv|guess|call|pick|chos|choos)\w*|\bbaseline\b|most frequent class", "baseline"),
        (r"macro[\w -]{0,12}precision", "macro_precision"), (r"macro[\w -]{0,12}f1", "macro_f1"), (r"balanced accuracy", "balanced_accuracy"),
        (r"\bf1\b", "f1 macro_f1"), (r"precision", "precision macro_precision answers"), (r"worst_recall|worst recall", "worst_recall recall bound"),
        (r"recall", "recall worst_recall drop balanced_accuracy bound"), (r"calibration error|\bece\b", "ece"),
        (r"standardi[sz]ed|standard deviations?", "standardised effect_sd"), (r"bright\w*|dark(?!room)\w*|dimmer", "brightness standardised distance"), (r"(?<!by )(?<!in )contrast(?! to)", "contrast standardised distance"),
        (r"saturat\w*", "saturation standardised distance"), (r"sharp\w*|blurr?(?:y|ier)", "sharpness standardised distance"), (r"colourful\w*", "colourfulness standardised distance"),
        (r"jpeg(?: quality)?|compress\w*", "jpeg standardised distance"), (r"file sizes?|\bbytes\b|\bfiles\b", "file_size standardised distance"), (r"\bhues?\b|orange", "hue"),
        (r"salien\w*", "saliency images ratio"), (r"\bareas?\b|surface", "area region_share"),
        (r"excess errors?", "excess"), (r"\bexcess\b", "excess slice_effect effect smallest"), (r"parameters|weights", "parameters"),
        (r"confident errors?", "confident_errors"), (r"confiden(?:ce|t|tly|ces)\b(?! intervals?| limits?)|over-?confiden\w+|under-?confiden\w+|\bsurer?\b|\bcertain\b|\bcalibrat\w+", "confidence confidence_right confidence_wrong gap confident_errors ece accuracy precision"),
        (r"\baccuracy\b|\bacc\b", "accuracy drop recall error bound baseline images gap"),
        (r"unrecogni[sz]\w*|\bnot (?:\w+ )?recogni[sz]\w*", "error"), (r"recogni[sz]\w*|(?<!could )(?<!could have )\bdetect(?!able)\w*", "recall accuracy drop bound error"),
        (r"of (?:all |the |its |these )+(?:\w+ )?(?:errors|mistakes)", "share_of_errors among_errors confident_errors excess"),
        (r"\bright\b|\bcorrect(?:ly)?\b|\baccurate\b|\bhits?\b", "accuracy recall precision drop error baseline mended control_mended bound pull"),
        (r"(?:could (?:have )?|(?:would|might) (?:\w+ly )?have )(?:been |be )?(?:seen|shown|found|noticed|missed|escaped?|overlooked|detect(?:ed)?)\b|smallest (?:detectable )?effect|\bdetectable\b|\bpower\b", "smallest"),
        (r"(?:cover|tak|fill|occup|mak)\w+ (?:up )?(?=[^.;]{0,40}\b(?:picture|image|area|frame)\b)|of the (?:picture|image)\b(?!s)", "area region_share frequency images"),
        (r"\bmend\w*|\brepair(?:s|ed)? (?:by|when)", "mended control_mended"),
        (r"\bflip\w*|\bswitch\w*", "flip control_flip"), (r"\bmask\w*|\bhid(?:es?|den|ing)\b|\bcover(?:ed|ing|s)?\b|\bcontrols?\b|\beffects?\b", _MASKS + " slice_effect frequency"),
        (r"misclassif\w*|\bwrong\w*|\berrors?\b(?! bars?)|\berr(?:s|ed)?\b|\bfail(?:s|ed|ures?|ing)?\b|\bmistakes?\b|\bincorrect\w*|\bmissed\b|\bmis(?:judg|read|nam|label|recogni|identif)\w*|\bunnoticed\b|\bundetected\b|\boverlook\w*", _ERRORS),
        (r"taken for|\bcalled\b|\bcalls it\b|mistaken|mistook|\bconfus\w+|mix(?:es|ed)?[- ]?ups?|→|->|\bdrawn?\b|\bpull\w*|\battract\w*|sign of", _CALLS),
        (r"\bpredict\w*|\banswer(?:s|ed)?\b(?! (?:wrong|right|correct))|\bsays?\b", _CALLS + " accuracy confidence recall baseline"),
        (r"\brare\b|\bfrequen\w+|(?<!class )(?<!equal )(?<!same )\bproportions?\b|\bmake up\b", "frequency proportion images share_of_errors confusion"),
    )
)  # fmt: skip
#: quantities that everyday words (images, with, show) stand for: a word for another one in the same clause does not rule them out
EVERYDAY = frozenset(
    {
        "images",
        "frequency",
        "proportion",
        "answers",
        "left_out",
        "unlabelled",
        "near_duplicates",
        "classes",
        "verify",
        "slices_confirmed",
        "slices_tested",
    }
)

VERDICTS: Mapping[str, re.Pattern[str]] = {
    "confirmed": _words(r"\bconfirm(?:ed|s)?\b|\bproven?\b|\bproved\b|\bproves\b|\bheld up\b|\bholds up\b|\bestablished\b|\bshown by (?:an )?experiment\b"),
    "refuted": _words(r"(?:\bnot|n't) to blame\b|\bmakes? no difference\b|\bha(?:s|ve|d) no (?:effect|influence)\b|\bplays? no (?:role|part)\b|\b(?:mere|pure|just a) (?:coincidence|chance)\b|\b(?:down to|due to|by) chance\b|\brefut(?:ed|es)\b|\bdisprove[ds]?\b|\bruled out\b|\brejected\b|\bfell through\b|\bdid(?: not|n't) hold\b(?: up)?|\bcontradict(?:ed|s)\b"),
    "inconclusive": _words(r"\binconclusive\b|\bneither confirmed nor refuted\b|\bwithout a clear result\b|\bno clear (?:result|verdict)\b"),
    "open": _words(r"\b(?:still )?waiting for a verdict\b|\bawaits? (?:a )?verdict\b|\b(?:has|have) no verdict\b|\bwithout (?:a |any )?verdict\b|\bundecided\b|\b(?:left|still|remaining) open\b|\b(?:is|are|remains?|stays?|still) (?:an? )?(?:still )?open\b|\bopen hypothes[ei]s\b|\bnobody has tested\b|\bnot (?:yet )?(?:been )?tested\b|\bhasn't been (?:tested|decided)\b|\buntested\b|\bonly stated\b|\bmerely (?:stated|raised)\b"),
}  # fmt: skip
STATUS = _words(
    r"\b(?:status (?:applied|verified|done)|repaired|fixed(?! (?:beforehand|in advance|before|at|by the plan))|cured|solved|resolved|remedied|mended|carried out|put into practice|implemented|applied|retrained|deployed successfully|eliminated|removed for good|been verified|and verified|was verified|is verified|already verified)\b"
)
NEGATION = _words(
    r"\b(?:not|never|no longer|isn't|wasn't|aren't|weren't|hasn't|haven't|cannot|can't|couldn't|don't|doesn't|didn't|won't|wouldn't|nor|neither|none|no|nothing|nobody|yet to be|without|un)\b"
)
HEDGE = _words(
    r"\b(?:may|might|could|perhaps|possibly|maybe|suspect\w*|hypothesi[sz]e\w*|whether|if|seems?|appears?(?= (?:to|that|as)\b)|likely|would|suppose\w*|"
    r"suspicion|hint(?:s|ed)?(?= (?:that|at)\b)|conceivabl\w*|imaginabl\w*|conjecture\w*|propos(?:e|es|ing|al|als)|suggest\w*|to test|let us|let's|should|wonder|plan(?:s|ned|ning)?|next|can be|will|worth|"
    r"shall|imagine|think|guess|candidates?)\b|\?"
)
CAUSE = _words(
    r"\bbecause\b(?! (?:you|the person) (?:asked|want))|\bdue to\b|\bcaus(?:ed?|es|ing|al|ally)\b|\breli(?:es|ed) on\b|\brelying on\b|\brely on\b|\bdepend(?:s|ed|ing)? on\b|"
    r"\bdriven? by\b|\bleads? to\b(?! (?:the )?\w+ errors)|\bdrives?\b|\bshortcut for\b|\bas a shortcut\b|\bmisled by\b|\bexploits?\b|\bthe reasons? (?:is|are|for|why|that)\b|\bleads? the model\b|\bmakes? the (?:model|network|classifier)\b|"
    r"\bthe (?:model|network|classifier) (?:uses|looks at|keys on|latches)\b|\bresponsible for\b|\battributable to\b|\bthanks to\b|\bowing to\b|"
    r"\bexplain(?:s|ed)?\b|\bis why\b|\bthat's why\b|\bwhich is why\b|\broot cause\b|\btriggers?\b|\btriggered\b|\bmatters? (?:for|to)\b|(?<!images )(?<!pictures )(?<!photos )\bbehind the\b|\bbrings? about\b|\bresults? from\b|\bstems? from\b|\bgives? rise\b|\bproduces?\b|\bis down to\b|"
    r"\bpushes the model\b|\bhas an influence on\b|\binfluences?\b|\bfools?\b|\bmisleads?\b|\b(?:deceives|tricks) the\b|\bthrows? (?:it|the model) off\b|\bcomes? from\b(?! (?:(?:the|only|just|\w+) ){0,3}(?:images|pictures|photos|set|split|data|E\d+|sample|record|evidence|slices?|search|test|table|note)\b)|\bwhat makes\b|\bwhat (?:the |it |your )?(?:\w+ ){0,2}?(?:falls for|goes by|latches onto)\b|\bproves? (?:the|a) (?:causal )?(?:role|effect|influence)\b|\b(?:is|are) to blame\b|\bat fault\b|\bculprits?\b|\bmakes? it (?:say|answer|call)\b|\bdecides\b|\b(?:makes?|lets?) (?:the )?(?:[\w-]+ ){1,3}(?:fail|err|go wrong)\b"
)
LOWER = _words(
    r"\b(?:lower|less|fewer|worse|below|drops?|dropped|falls?|fell|fallen|decreas\w*|loses?|lost|loss(?:es)?|declin\w*|darker|under-?confident|smaller|down|sinks?|shrinks?|costs?|worsens?|deteriorat\w*)\b"
)
HIGHER = _words(
    r"\b(?:higher|more|better|above|rises?|rose|risen|gains?|gained|increas\w*|improv\w*|exceeds?|brighter|over-?confident|larger|greater|up|raises?|grows?|grew|climbs?|adds?)\b"
)
ELSEWHERE = _words(
    r"\belsewhere\b|\b(?:usual|normal|typical|average|general) (?:error )?rate\b|\bthe rest\b|\bothers\b|\bother (?!half|hand|way|words|direction|class)\w+|\b(?:everything|anything) else\b|\botherwise\b|\bremaining\b|\bany other\b|\bcontrols?\b|\bequal(?:ly)?\b|\bsame size\b|\bas much\b|\bpatch\b"
)
WHEN_SAID = _words(
    r"\b(?:when(?:ever)?|where|if) (?:it|the (?:model|network|classifier)) (?:\w+ )?(?:says?|answers?|predicts?|calls)\b"
)
#: "better than nothing": no value is compared
THAN_NOTHING = re.compile(r"(?: \w+)? than (?:nothing|chance|guess\w*|random|a coin)\b")
ABOUT = _words(
    r"(?:about|around|roughly|nearly|almost|some|approximately|circa|ca\.|~|close to|over|under|more than|less than|fewer than|just (?:over|under)|at least|at most|(?<!add )(?<!adds )(?<!sum )up to|a good|barely|hardly)\s*$"
)
BOUNDS: tuple[tuple[re.Pattern[str], int], ...] = (
    (_words(r"(?:more than|over|above|at least|a good)\s*$"), 1),
    (
        _words(
            r"(?:less than|fewer than|under|below|nearly|almost|(?<!add )(?<!adds )(?<!sum )(?<!amount )(?<!amounts )up to|at most|not even)\s*$"
        ),
        -1,
    ),
)
KINDS: Mapping[str, re.Pattern[str]] = {
    name: _words(pattern)
    for name, pattern in {
        "spurious_correlation": r"spurious|shortcuts?\b|sign of|correlat\w*", "rare_case": r"\brare|under-?represented",
        "label_noise": r"label noise|wrong labels?|mislabel\w*|label errors?", "distribution_shift": r"\bshifts?\b|deployment drop",
        "leakage": r"\bleak\w*", "preprocessing": r"preprocess\w*|fed wrongly|channel order", "class_order": r"(?:class|output) order|order of (?:the )?(?:classes|outputs)", "overfitting": r"overfit\w*|by heart|memori[sz]\w*",
        "underfitting": r"underfit\w*", "overconfidence": r"over-?confiden\w*|surer than|trusts itself", "weak_slice": r"weak slices?",
        "class_imbalance": r"imbalanc\w*", "missing_feature": r"missing feature", "overemphasised_feature": r"overemphasi[sz]\w*",
    }.items()
}  # fmt: skip


@lru_cache(maxsize=2048)
def recorded(name: str) -> str:
    """The quantity that a fact's name or a column's title stands for; the name itself where it is a new one."""
    plain = name.strip().lower()
    for pattern, metric in RECORDED:
        if pattern.search(plain):
            return metric
    return plain.replace(" ", "_")


def says(metric: str, text: str) -> bool:
    """Whether ``text`` uses a word for the quantity."""
    pattern = SAID.get(metric)
    if pattern is not None:
        return bool(pattern.search(text))
    stems = [w[:6] for w in metric.split("_") if len(w) > 3]
    return not stems or any(s in text.lower() for s in stems)


_ALWAYS = _words(r"\balways (?:answer|say|said|predict|giv|guess|call|pick|chos|choos)\w*")


@lru_cache(maxsize=512)
def exclusive(text: str) -> frozenset[str]:
    """The quantities to which the words of ``text`` restrict a number; empty where they do not."""
    if _ALWAYS.search(text):
        return frozenset({"baseline"})
    made: frozenset[str] = frozenset()
    rest = text
    for pattern, names in EXCLUSIVE:
        if pattern.search(rest):
            made |= names
            rest = pattern.sub(" ", rest)
    return made


#: the level of an interval told in words
_LEVEL_SAID = re.compile(r"\bbetween [\d.]+ ?%? and [\d.]+ ?%?(?P<at> with 95 ?% confidence)")


@lru_cache(maxsize=2048)
def marked_quantities(text: str) -> tuple[tuple[frozenset[str], int, int], ...]:
    """Words that restrict a number to some quantities, with where they stand, in order."""
    made: list[tuple[frozenset[str], int, int]] = []
    text = _LEVEL_SAID.sub(lambda m: m[0][: -len(m["at"])] + " " * len(m["at"]), text)
    for pattern, names in EXCLUSIVE:
        for match in pattern.finditer(text):
            if not any(a < match.end() and match.start() < b for _, a, b in made):
                made.append((names, *match.span()))
    return tuple(sorted(made, key=lambda m: m[1]))
