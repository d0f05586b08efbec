"""Options of tools in plain words: ``inpaint``, ``PCA``, ``one condition at a time``, ``don't run the model``.

A table: tool → (argument, reader) pairs. A reader takes the sentence in small letters, names blanked, and gives the value or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from failsight.knowledge_base.wanted import wanted

Reader = Callable[[str], Any]


def _one_of(**patterns: str) -> Reader:
    """The first value whose pattern occurs."""
    made = [(value, re.compile(rf"\b(?:{pattern})")) for value, pattern in patterns.items()]
    return lambda text: next((value for value, pattern in made if pattern.search(text)), None)


def _flag(value: bool, pattern: str) -> Reader:
    made = re.compile(rf"\b(?:{pattern})")
    return lambda text: value if made.search(text) else None


def _wanted(rate: str) -> Reader:
    return lambda text: wanted(text).get(rate)


def _several(**patterns: str) -> Reader:
    """All values whose patterns occur; None for none."""
    made = [(value, re.compile(rf"\b(?:{pattern})")) for value, pattern in patterns.items()]
    return lambda text: tuple(value for value, pattern in made if pattern.search(text)) or None


_SPACE: Final = _one_of(
    pixels=r"pixels?\b|raw (?:images|pictures)|small copies", encoder=r"(?:clip|encoder|semantic|word) ?(?:space|embeddings?|features?)", features=r"(?:model|network|net)'?s? own (?:features|space)",
)  # fmt: skip
_FILL: Final = _one_of(
    dataset_mean=r"(?:data ?set|training) (?:mean|average)|mean of the (?:data ?set|training)", inpaint=r"inpaint\w*|in-paint\w*", blur=r"(?:with|by|using|as) (?:a )?blur\w*|blur (?:it|them|out|fill)|fill\w* (?:with |by )?blur",
    noise=r"(?:with|by|using|fill\w*) (?:random )?noise", mean=r"(?:with|by) (?:the )?(?:mean|average) colou?r",
)  # fmt: skip
_PERTURBATIONS: Final = _several(
    darker=r"dark(?:er|en\w*|ness)?\b|dim(?:mer|med)?\b|under.?expos\w*", brighter=r"bright(?:er|en\w*)\b|over.?expos\w*|glare", low_contrast=r"(?:low|less|lower|poor|reduced) contrast|contrast loss|washed.?out",
    defocus=r"de.?focus\w*|out of focus", gaussian_blur=r"gaussian blur|\bblur\w*", motion_blur=r"motion blur|camera shake|shak\w+|moving camera|jitter", gaussian_noise=r"gaussian noise|sensor noise|grain\w*|nois[ey]\w*",
    shot_noise=r"shot noise|photon noise", jpeg=r"jpe?g\w*|compress\w*|artefacts?|artifacts?", low_resolution=r"low.?res\w*|lower resolution|down.?scal\w*|fewer pixels|thumbnail", rotation=r"rotat\w*|tilt\w*|turned",
    closer=r"zoom\w*|closer|crop\w*", covered=r"occlu\w*|partly (?:covered|hidden)|smear\w*|dirt\w*|fingers?|drops? on", fog=r"fog\w*|mist\w*|haz[ey]\w*", rain=r"rain\w*", snow=r"snow\w*",
)  # fmt: skip
#: by the names of the trade: several of them are meant as such, where "blur and noise" are examples of all that can happen
_EXACTLY: Final = _several(
    low_contrast=r"low contrast", defocus=r"de.?focus\w*", gaussian_blur=r"gaussian blur", motion_blur=r"motion blur|camera shake", gaussian_noise=r"gaussian noise", shot_noise=r"shot noise",
    jpeg=r"jpe?g\w*|compress\w*", low_resolution=r"low.?res\w*|lower resolution|down.?scal\w*", rotation=r"rotat\w*", fog=r"fog\w*", rain=r"rain\w*", snow=r"snow\w*",
)  # fmt: skip
_STRATEGY: Final = _one_of(
    cut_and_paste=r"cut.?and.?past\w*|past(?:e|ing)", feature_specific=r"cover\w* (?:it|the cue|them)|masking (?:it|the cue) in training", typical_augmentation=r"augment\w*", rebalance=r"re.?balanc\w*|oversampl\w*|drawing (?:it|them) more often",
    loss_weighting=r"(?:re)?weight\w*|loss weights?", last_layer=r"last.?layer|head only|only the (?:head|last layer)|deep feature reweighting|\bdfr\b", hard_examples=r"hard (?:examples?|cases?|negatives?)", robust_loss=r"robust loss|generali[sz]ed cross.?entropy",
    regularise=r"regulari[sz]\w*|weight decay|dropout|label smoothing", train_longer=r"train\w* (?:it )?longer|more epochs", adapt_normalisation=r"adapt\w* (?:the )?(?:batch.?)?norm\w*|batch.?norm", recalibrate=r"re.?calibrat\w*|temperature(?: scaling)?",
    defer=r"defer\w*|leav\w* (?:it|them|the unsure ones) to (?:a person|people|humans?)|abstain\w*", rule=r"(?:with|by) (?:a |hand.?written )?rules?\b", relabel=r"re.?label\w*|correct(?:ed|ing)? labels?", collect=r"collect\w*|(?:more|new|extra|additional) (?:real )?(?:data|images|pictures|photos)",
)  # fmt: skip
_COLOUR: Final = _one_of(
    confidence=r"colou?r\w*[^.]*\b(?:confidence|sureness|how sure)|by confidence", prediction=r"colou?r\w*[^.]*\b(?:predict\w*|answers?)|by (?:prediction|answer)",
    **{"class": r"colou?r\w*[^.]*\b(?:class\w*|labels?|categor\w*|rooms?|kinds?)|by (?:class|label|category|true class)"},
)  # fmt: skip

OPTIONS: Final[Mapping[str, tuple[tuple[str, Reader], ...]]] = {
    "embedding_map": (
        ("method", _one_of(pca=r"pca\b|principal components?", umap=r"umap\b")), ("space", _SPACE), ("colour", _COLOUR),
    ),
    "find_slices": (
        ("target", _one_of(confident_error=r"(?:confident|sure|certain) (?:errors?|mistakes?|and wrong)|wrong (?:and|but) (?:sure|confident)", loss=r"(?:by|on|using|target\w*|ranked by) (?:the )?loss\b|loss instead")),
        ("method", _one_of(hibug=r"hibug")),
    ),
    "disaggregate": (
        ("intersections", _flag(False, r"no (?:intersections?|crossings?|combinations?)|without (?:intersections?|crossings?|combinations?)|single columns? only|one column at a time")),
        ("per_class", _flag(True, r"class by class|per class|for (?:each|every) class|by class|per.class|(?:of|for|in) each class|each class separately")),
    ),
    "saliency": (
        ("check", _flag(True, r"sanity|scrambl\w*|shuffl\w*|randomi[sz]\w*|random ones|against random|deletion|insertion|score them|trustworth\w*|(?:can|could|should) (?:i|we|one) (?:trust|believe)|(?:are|is) (?:they|it) (?:any good|honest|faithful)|faithful\w*")),
        ("method", _one_of(
            integrated_gradients=r"integrated gradients?|\big\b", smoothgrad=r"smooth.?grad", layer_cam=r"layer.?cam", grad_cam=r"grad.?cam", occlusion=r"occlusion", rise=r"\brise\b|random masks", rollout=r"(?:attention )?roll.?out",
            attention_gradient=r"attention gradients?",
        )),
    ),
    "test_by_masking": (("fill", _FILL), ("hypothesis", _one_of(missing_feature=r"ignor\w+|does(?:n'?t| not) (?:use|look|care)|couldn'?t care"))),
    "test_by_swapping": (
        ("keep", _flag(True, r"(?:everything|all|anything|whatever is) (?:around|but|else|except|outside|behind)|backgrounds?|surroundings?|leave \w* ?(?:\w+ ){0,4}as (?:it|they) (?:is|are)|keep (?:the|it|them)")),
    ),
    "what_if": (("fill", _FILL),),
    "feature_attack": (("start", _one_of(lowest=r"(?:lowest|weakest|least)", random=r"random")),),
    "robustness_probe": (
        ("perturbations", lambda text: found if len(found := _PERTURBATIONS(text) or ()) == 1 or found == _EXACTLY(text) else None),
        ("adversarial", _flag(False, r"(?:no|without|skip|leave out) (?:the )?(?:adversarial|attacks?)|only natural|natural (?:ones|changes|perturbations) only")),
    ),
    "retrain": (
        ("strategy", _STRATEGY),
        ("recipe", _one_of(group_dro=r"group.?dro", export=r"export\w*|script|elsewhere|on (?:my|our) (?:own )?(?:machine|cluster)")),
        ("unseen", _one_of(keep=r"keep (?:the )?(?:unseen|unlooked|unchecked)", leave_out=r"leave out (?:the )?(?:unseen|unchecked)")),
    ),
    "generate_repair_data": (
        ("method", _one_of(text_to_image=r"text.?to.?image|from (?:a )?prompts?|diffusion|stable diffusion", image_to_image=r"image.?to.?image|img2img", compose=r"compos\w*|cut(?:ting)?.?and.?past\w*|past(?:e|ing)", renderer=r"render\w*", inpaint=r"inpaint\w*")),
        ("words", _one_of(**{"class": r"class names? (?:only|alone)"})),
    ),
    "propose_attributes": (
        ("source", _one_of(clusters=r"clusters?|look.?alikes?|groups? of (?:similar|alike)|without (?:words|an encoder)|no encoder", vqa=r"vqa|question.?answering|blip", vision_model=r"vision (?:language )?model|gpt|multimodal|\bvlm\b")),
    ),
    "operating_points": (("recall", _wanted("recall")), ("precision", _wanted("precision")), ("specificity", _wanted("specificity"))),
    "training_record": (("measure_gap", _flag(False, r"nothing else|(?:only|just) (?:the )?(?:log|record|curves?|history)|(?:don'?t|do not|without) (?:run|running|re.?run)\w*")),),
    "shift": (("reference", _one_of(train=r"train\w*|learn(?:ed|t)? (?:from|on|with)")),),
    "show_images": (("order", _one_of(unsure=r"(?:least|not) (?:sure|confident|certain)|un(?:sure|certain)|hesita\w*|close calls?|borderline", any=r"random\w*|any order|whatever order")),),
    "select_data": (("method", _one_of(coreset=r"core.?set|k.?center", random=r"(?:at )?random\b|by lot", confidence=r"(?:least|lowest) confiden\w*|uncertainty sampling", hibug=r"hibug")),),
    "duplicates_and_leakage": (
        ("splits", lambda text: ("train",) if re.search(r"\b(?:within|inside|in|among|of) (?:the )?train\w*[^.]*(?:only|alone|itself)|\bwithin (?:the )?train|\btrain\w* (?:set |data )?(?:only|alone|itself)", text) else None),
        ("features", _flag(False, r"(?:exact|identical|byte|bit).{0,20}(?:only|copies)|by hash|without features")),
    ),
    "compare_models": (("saliency", _flag(False, r"(?:no|without) (?:saliency|heat.?maps?)")), ("features", _flag(False, r"(?:no|without) features"))),
    "nearest": (("space", _SPACE),), "compare_images": (("space", _SPACE),), "counterfactual_pair": (("space", _SPACE),), "prototypes_and_criticisms": (("space", _SPACE),),
    "explain_failures": (
        ("grouping", _one_of(prediction=r"(?:by|within) (?:the )?(?:predict\w*|answers?)|grouped by predict\w*", all=r"all (?:images|pictures) together|over all classes|whole set")),
    ),
}  # fmt: skip
