"""Repair strategies as data: four families after Balayn et al. (CHI 2023, A.2.1), each with what it fits, costs and risks.

Names agree with the entries ``correction.<name>`` of the knowledge base. Texts hold fields in braces that
``propose_correction`` fills with words of the case (``tools.repair.finding_words``): {class}, {other}, {cue}, {images}; {seen} and {doubtful} are
what can be known of a picture before anybody has labelled it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from failsight.tools.evidence import Kind

Family = Literal["dataset", "training", "model", "setup"]
Cost = Literal["low", "medium", "high"]
COSTS: Mapping[Cost, float] = {"low": 0.0, "medium": 0.5, "high": 1.0}


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to repair.

    Attributes:
        name: as in the knowledge base, without ``correction.``.
        family: dataset, training, model or setup.
        fits: kind of finding → how well it fits, 1 (may help) to 3 (aims at the cause).
        action: what to do, in words of the case.
        why: how it is expected to help.
        cost: of people and machines together.
        risk: what may go wrong.
        control: the control arm beside which it is verified.
        source: where it is described.
        counted: whether the action needs the number of images to add.
        about_object: whether it handles a single object in the picture, which has to be found there.
    """

    name: str
    family: Family
    fits: Mapping[Kind, int]
    action: str
    why: str
    cost: Cost
    risk: str
    control: str
    source: str
    counted: bool = False
    about_object: bool = False


STRATEGIES: tuple[Strategy, ...] = (
    Strategy(
        "collect", "dataset",
        {"spurious_correlation": 3, "overemphasised_feature": 3, "rare_case": 3, "weak_slice": 2, "distribution_shift": 3, "class_imbalance": 2, "missing_feature": 2, "overfitting": 1},
        "Collect {n} {wanted}.",
        "The model sees often enough what it now gets wrong, so that it has a reason to get it right.",
        "medium",
        "New images may come with a cue of their own (one source, one camera).",
        "as many additional training images drawn at random from the usual source",
        "Balayn et al. 2023, A.2.1", counted=True,
    ),
    Strategy(
        "generate", "dataset",
        {"spurious_correlation": 2, "overemphasised_feature": 2, "rare_case": 2, "weak_slice": 1, "missing_feature": 1},
        "Generate {n} {wanted}: composed, rendered, or painted from prompts of class and attribute values.",
        "The model sees what is missing, where such pictures are slow to collect.",
        "medium",
        "Generated pictures may lack what was wanted, or bring marks of the generator: look at the contact sheet, judge on real ones.",
        "as many pictures generated from the class name alone",
        "Chen et al. 2023, 7.1; Balayn et al. 2023, A.2.1", counted=True,
    ),
    Strategy(
        "feature_specific", "dataset",
        {"spurious_correlation": 3, "overemphasised_feature": 2},
        "Cover {cue} in half of the training images that show it, and retrain.",
        "What is hidden at random can no longer decide; the model has to use the rest of the picture.",
        "low",
        "The cover itself can become a cue: vary its colour and shape, and cover other places as often.",
        "retraining with covers of equal size put elsewhere",
        "Balayn et al. 2023, A.2.1; DeVries & Taylor 2017 (random covers)", about_object=True,
    ),
    Strategy(
        "cut_and_paste", "dataset",
        {"spurious_correlation": 2, "overemphasised_feature": 2, "rare_case": 1},
        "Paste {cue} into training images of the other classes.",
        "{cue} no longer tells the class, because every class has it.",
        "low",
        "Edges of the pasted patch are a cue; use it in all classes alike.",
        "retraining with patches of plain background pasted",
        "Dwibedi et al. 2017; Balayn et al. 2023, A.2.1", about_object=True,
    ),
    Strategy(
        "typical_augmentation", "dataset",
        {"distribution_shift": 2, "overfitting": 2, "rare_case": 1, "weak_slice": 1},
        "Augment the training images so that they look like {images}{differences}.",
        "The model meets the variation of use while it learns.",
        "low",
        "Augmentation that makes impossible pictures costs accuracy elsewhere.",
        "retraining for as long without the augmentation",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "relabel", "dataset",
        {"label_noise": 3, "weak_slice": 1},
        "Have {relabel} relabelled by two people who do not see the prediction{careless}.",
        "Right labels remove the contradiction, in training and in the measurement alike.",
        "low",
        "Relabelling only where the model disagrees favours the model: mix in as many random images.",
        "the same number of random images relabelled",
        "Balayn et al. 2023, 4.2.1 and A.2.1; Northcutt et al. 2021",
    ),
    Strategy(
        "deduplicate", "dataset",
        {"leakage": 3},
        "Remove the repeated images from the images it is judged on, and judge again.",
        "What is left was not learned by heart, so the figures mean what they say.",
        "low",
        "The figures fall; that is the truth coming out, not a loss.",
        "removing as many random images",
        "Barz & Denzler 2020 (duplicates across CIFAR splits)",
    ),
    Strategy(
        "rebalance", "dataset",
        {"class_imbalance": 3, "rare_case": 2},
        "Draw {images} more often while training, until each counts as much as the rest.",
        "Every class or group has the same say in the loss.",
        "low",
        "Few images shown often are learned by heart; watch the gap between training and evaluation.",
        "retraining with the usual drawing",
        "Buda et al. 2018; Idrissi et al. 2022",
    ),
    Strategy(
        "data_engineering", "dataset",
        {"preprocessing": 3, "class_order": 3, "distribution_shift": 2, "missing_feature": 1},
        "Mend the way images are prepared (size, crop, channel order, normalisation), and judge again.",
        "The model gets what it was trained on; often nothing has to be retrained.",
        "low",
        "A change that helps here may hurt where images come from elsewhere.",
        "the present preparation, on the same images",
        "Balayn et al. 2023, 4.1.5 and A.2.1",
    ),
    Strategy(
        "loss_weighting", "training",
        {"class_imbalance": 3, "rare_case": 2, "weak_slice": 2, "spurious_correlation": 2},
        "Weigh {images} more in the loss, by the inverse of their share.",
        "Mistakes on them cost as much as they should.",
        "low",
        "Weights help little once the training images are fitted perfectly: combine with early stopping.",
        "retraining with equal weights",
        "Balayn et al. 2023, A.2.1; Sagawa et al. 2020",
    ),
    Strategy(
        "group_balance", "training",
        {"spurious_correlation": 2, "rare_case": 2, "overemphasised_feature": 1, "weak_slice": 1},
        "Draw every pairing of class and {attribute} equally often while training, or weigh the worst pairing most.",
        "The loss no longer gains by following what goes with the class most of the time.",
        "low",
        "Small pairings are learned by heart, and the average may fall a little: stop at the best worst group.",
        "retraining with as many images drawn as usual",
        "Sagawa et al. 2020 (group DRO); Idrissi et al. 2022",
    ),
    Strategy(
        "loss_separation", "training",
        {"missing_feature": 2, "weak_slice": 1},
        "Add a term to the loss that drives {class} and {other} apart in the features.",
        "The two are told by more than the little that tells them now.",
        "medium",
        "It forces a border where people see none: first ask whether they agree on the pictures.",
        "retraining without the term and with another seed",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "last_layer", "training",
        {"spurious_correlation": 2, "rare_case": 1, "weak_slice": 1},
        "Retrain the last layer alone, on a small set in which {cue} and {class} are independent.",
        "The layers below often hold the right features already; only their weights are wrong.",
        "low",
        "It cannot help where the features were never learned.",
        "retraining the last layer on a random set of the same size",
        "Kirichenko et al. 2023 (deep feature reweighting)",
    ),
    Strategy(
        "hard_examples", "training",
        {"weak_slice": 2, "missing_feature": 1},
        "Show {images} that are answered wrongly more often while training.",
        "Training time goes where the mistakes are.",
        "low",
        "Wrong labels look like hard examples: check the labels first.",
        "retraining with as many random images repeated",
        "Balayn et al. 2023, A.2.1; Shrivastava et al. 2016",
    ),
    Strategy(
        "robust_loss", "training",
        {"label_noise": 2},
        "Retrain with a loss that forgives single wrong labels (generalised cross-entropy), or without the suspects.",
        "A few wrong labels then no longer pull the model their way.",
        "medium",
        "It also forgives hard images, which the model should learn.",
        "retraining with the present loss and another seed",
        "Zhang & Sabuncu 2018",
    ),
    Strategy(
        "recalibrate", "training",
        {"overconfidence": 3},
        "Fit one temperature on held-out images and divide the outputs by it.",
        "Confidence then means the share that is right; no answer changes.",
        "low",
        "It holds for images like those it was fitted on; under a shift it is off again.",
        "the outputs as they are, on images that did not fit the temperature",
        "Guo et al. 2017",
    ),
    Strategy(
        "regularise", "training",
        {"overfitting": 3, "overconfidence": 2},
        "Train with stronger weight decay, dropout or label smoothing, and stop at the best evaluation loss.",
        "The model can no longer afford to learn single images by heart.",
        "medium",
        "Too much of it and the model underfits.",
        "retraining with the present settings and another seed",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "early_stopping", "training",
        {"overfitting": 2},
        "Keep the weights of the epoch with the lowest evaluation loss.",
        "What was learned by heart after that epoch is left out; where its weights were kept, nothing is retrained.",
        "low",
        "One lucky epoch is no minimum: smooth the curve first.",
        "the weights of the last epoch, on images that did not choose the epoch",
        "Balayn et al. 2023, 4.3.3",
    ),
    Strategy(
        "freeze", "training",
        {"overfitting": 1},
        "Freeze the lower layers and train the rest.",
        "Fewer free weights, less room to learn by heart.",
        "low",
        "The frozen features may lack what the task needs.",
        "retraining all layers for as long",
        "Balayn et al. 2023, 4.3.3",
    ),
    Strategy(
        "tune", "training",
        {"underfitting": 2, "overfitting": 2, "missing_feature": 1, "class_imbalance": 1},
        "Try a few learning rates, batch sizes and schedules; choose on images set apart for it.",
        "Settings decide what is learned first, and whether training comes to an end at all.",
        "medium",
        "Trying many settings on the images it is judged on is choosing by luck.",
        "as many runs with the present settings and other seeds",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "train_longer", "training",
        {"underfitting": 3},
        "Train longer or with a higher learning rate until the training loss no longer falls.",
        "The model has not learned yet what the training images can teach.",
        "medium",
        "Watch the evaluation loss: past its minimum it learns by heart.",
        "retraining for the present number of epochs",
        "Balayn et al. 2023, 4.3.3",
    ),
    Strategy(
        "larger_model", "model",
        {"underfitting": 2, "missing_feature": 1, "weak_slice": 1},
        "Try a larger or pre-trained model, or a larger input size.",
        "More capacity or more pixels to see what tells the classes apart.",
        "high",
        "It needs an expert, more time per answer, and may learn the same shortcut faster.",
        "retraining the present model for as long",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "smaller_model", "model",
        {"overfitting": 1},
        "Try a smaller model, or freeze the lower layers.",
        "Fewer free weights, less room to learn by heart.",
        "medium",
        "It may no longer be able to tell the hard classes apart.",
        "retraining the present model for as long",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "other_architecture", "model",
        {"missing_feature": 1, "underfitting": 1, "overfitting": 1, "weak_slice": 1, "preprocessing": 1},
        "Try another architecture, input size or pre-training that suits the task.",
        "What the present one can't represent, or reads at too small a size, another may.",
        "high",
        "Old weaknesses return in a new shape, and one good run may be luck: compare several seeds.",
        "retraining the present architecture with as many seeds",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "adapt_normalisation", "model",
        {"distribution_shift": 2},
        "Re-estimate the batch-normalisation statistics on unlabelled deployment images.",
        "Shifted brightness or contrast is taken out where it enters the network; no label is needed.",
        "low",
        "It fails where the classes come in other proportions, and there is nothing to adapt without batch normalisation.",
        "statistics re-estimated on as many training images",
        "Schneider et al. 2020",
    ),
    Strategy(
        "split_class", "setup",
        {"rare_case": 1, "weak_slice": 1},
        "Make {images} a class of their own, and join the two after the prediction.",
        "A class that is too diverse is learned as two simple ones.",
        "medium",
        "The new class may be too small to learn.",
        "splitting the class at random",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "separate_model", "setup",
        {"weak_slice": 1, "missing_feature": 1},
        "Train a second model that only tells {class} from {other}, and ask it when the first is in doubt.",
        "All its capacity goes into the one distinction.",
        "high",
        "Two models to keep; errors of the first reach the second.",
        "asking the first model twice (with another seed)",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "rule", "setup",
        {"missing_feature": 1, "spurious_correlation": 1, "overemphasised_feature": 1, "weak_slice": 1, "overconfidence": 1},
        "Overrule weak predictions of {class} among {seen} by a rule that people wrote and can check.",
        "A requirement holds at once, where evidence in the picture can be detected reliably.",
        "medium",
        "Rules contradict each other, grow old, and hide the bug instead of mending it.",
        "as many answers overruled by lot",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "engineered_features", "setup",
        {"missing_feature": 2},
        "Detect the elements that tell {class} from {other}, and give them to the model beside the picture.",
        "What the model overlooks is told to it.",
        "high",
        "Errors of the detector become errors of the model, and the detected element may be the next shortcut.",
        "the same with the detected elements exchanged at random between images",
        "Balayn et al. 2023, A.2.1",
    ),
    Strategy(
        "defer", "setup",
        {"distribution_shift": 1, "overconfidence": 2, "rare_case": 1, "weak_slice": 1, "spurious_correlation": 1, "overemphasised_feature": 1, "label_noise": 1, "missing_feature": 1, "class_imbalance": 1},
        "Leave {doubtful} to a person.",
        "The remaining answers can be relied on, at a known price of manual work.",
        "medium",
        "Confident errors are not caught; and somebody has to be there.",
        "deferring as many random images",
        "Balayn et al. 2023, A.2.1",
    ),
)  # fmt: skip


def fitting(kind: Kind) -> tuple[Strategy, ...]:
    """Strategies for a kind of finding, best first: by fit, then by cost."""
    found = [s for s in STRATEGIES if kind in s.fits]
    return tuple(sorted(found, key=lambda s: (-(s.fits[kind] - COSTS[s.cost] / 2), COSTS[s.cost])))
