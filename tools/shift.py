"""shift: in what do deployment images differ from the others, and what accuracy is to be expected on them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from failsight.tools.evidence import Evidence, Finding
from failsight.tools.experiments.population import class_index
from failsight.tools.inputs.base import Split
from failsight.tools.notes import answered, called, labelled_splits
from failsight.tools.performance import Rate
from failsight.tools.registry import tool
from failsight.tools.shifts.attributes import (
    AttributeShift,
    attribute_facts,
    attribute_shifts,
    attribute_table_of,
)
from failsight.tools.shifts.comparison import register_shift_plan
from failsight.tools.shifts.report import (
    accuracy_facts,
    accuracy_figure,
    accuracy_sentence,
    accuracy_table,
    attribute_sentence,
    difference_words,
    domain_facts,
    domain_sentence,
    labelled_finding,
    mix_facts,
    mix_sentence,
    mix_table,
    notes_on,
    register_plan,
    typical_images,
    unlabelled_finding,
    weighed_note,
)
from failsight.tools.shifts.samples import FEWEST, Domain, Pair, Sample, load, paired, tell_apart
from failsight.tools.shifts.without_labels import Expected, differs, expected_accuracy, mix_estimate
from failsight.tools.stats.intervals import wilson
from failsight.tools.stats.prior_shift import LabelShift
from failsight.tools.text import clean
from failsight.tools.view import CaseView

QUESTIONS = ("input.4", "performance.8")
TITLE = "How deployment images differ"


@tool(cost="pass", answers=QUESTIONS, decides=("distribution_shift",), reads_attributes=True)
def shift(
    view: CaseView,
    reference: Annotated[
        Literal["data", "train"],
        Field(
            description="What deployment images are compared with: data (evaluation images) or train (training images)."
        ),
    ] = "data",
    class_name: Annotated[
        str | None,
        Field(
            description="Compare only images of this class (the predicted class where there are no labels).",
            max_length=200,
        ),
    ] = None,
) -> Evidence:
    """Compare deployment images with evaluation or training images: attribute by attribute, by a domain classifier, and by
    class mix, and estimate the accuracy on them without using their labels.

    Labels of deployment images are used where there are any: to hold the class mix equal, and for the verdict. Without
    them a shift is confirmed only when the inputs differ and the expected loss of accuracy, with everything that the
    estimate may be off by, exceeds three points. Without deployment images, training and evaluation images are compared.
    """
    run = _Run(view, {"reference": reference, "class_name": class_name})
    splits = view.splits()
    wanted = class_index(view.classes, class_name) if class_name else None
    if "deploy" not in splits and "train" not in splits:
        return run.nothing()
    first, second = run.choose(reference)
    if second == "deploy" and wanted is None:
        register_shift_plan(view) if run.judged_by_labels else register_plan(view)
    run.compare(first, second, wanted)
    return run.evidence(first, second, class_name)


@dataclass
class _Run:
    """One call: what was loaded and found so far."""

    view: CaseView
    arguments: dict[str, str | None]

    def __post_init__(self) -> None:
        self.notes: list[str] = []
        self.loaded: dict[Split, Sample] = {}
        self.pair: Pair | None = None
        self.domain: Domain | None = None
        self.shifts: list[AttributeShift] = []
        self.mix: LabelShift | None = None
        self.expected: Expected | None = None
        self.against_data: Domain | None = None

    @property
    def judged_by_labels(self) -> bool:
        """Whether right and wrong can be counted on both evaluation and deployment images."""
        return {"data", "deploy"} <= set(labelled_splits(self.view)) and answered(self.view, "deploy")

    def nothing(self) -> Evidence:
        """What is missing when there is nothing to compare with."""
        text = (
            "There are neither deployment nor training images, so the evaluation images can't be compared with anything. "
            "A sample of deployment images (--deploy), even without labels, would show in what they differ and what "
            "accuracy to expect there."
        )
        return Evidence("shift", TITLE, text, self.arguments, notes=(text,), next_steps=(
            "Collect a few hundred pictures as users take them; labels can wait.",))  # fmt: skip

    def choose(self, reference: Split) -> tuple[Split, Split]:
        """Which split is compared with which."""
        splits = self.view.splits()
        if "deploy" not in splits:
            self.notes.append(
                "There are no deployment images: training and evaluation images are compared instead. Differences to "
                "what the model will meet in use stay unknown; a sample (--deploy), even without labels, would show them."
            )
            return "train", "data"
        if reference not in splits:
            self.notes.append(
                "There are no training images: deployment images are compared with evaluation images."
            )
            reference = "data"
        return reference, "deploy"

    def sample(self, split: Split) -> Sample:
        """A split, loaded once."""
        if split not in self.loaded:
            self.loaded[split] = load(self.view, split, self.notes)
        return self.loaded[split]

    def compare(self, first: Split, second: Split, wanted: int | None) -> None:
        """Samples, class mix, classifier, attributes, expected accuracy."""
        seed = self.view.seed
        one, other = self.sample(first), self.sample(second)
        if wanted is not None:
            one, other = _of_class(one, wanted), _of_class(other, wanted)
        if min(len(one), len(other)) < FEWEST:
            self.notes.append(
                f"There are {len(one):,} {called(first)} and {len(other):,} {called(second)} to compare; at least {FEWEST} "
                "of each are needed."
            )
            return
        whole = wanted is None and second == "deploy"
        if whole:
            self.mix = self._class_mix()
        self.pair = paired(one, other, self.mix if first == "data" else None)
        if wanted is None:
            self.notes += weighed_note(self.pair, first, second, self.view.classes)
        self.domain = tell_apart(self.pair, seed)
        self.shifts = attribute_shifts(self.pair, self.domain, seed)
        self.against_data = self.domain if first == "data" else None
        if whole:
            self._estimate(first)

    def _class_mix(self) -> LabelShift | None:
        data, deploy = self.sample("data").predictions, self.sample("deploy").predictions
        return None if data is None or deploy is None else mix_estimate(data, deploy, self.view.seed)

    def _estimate(self, first: Split) -> None:
        """Expected accuracy; it always starts from evaluation images, since training images are no fair reference."""
        data, deploy = self.sample("data"), self.sample("deploy")
        if data.predictions is None or deploy.predictions is None:
            return
        blind = Sample(
            deploy.split, deploy.rows, np.full(len(deploy), -1), deploy.predicted, deploy.columns, deploy.odd,
            deploy.features, deploy.predictions, deploy.total,
        )  # fmt: skip
        seen = self.pair is not None and not self.pair.by_class and first == "data"
        pair = self.pair if seen and self.pair is not None else paired(data, blind, self.mix)
        domain = self.domain if seen else tell_apart(pair, self.view.seed)
        if first != "data":
            self.against_data = domain
        self.expected = expected_accuracy(
            data.predictions, deploy.predictions, self.mix, pair, domain, self.view.seed
        )
        if self.expected is None:
            self.notes.append(
                "An accuracy without labels can be estimated only from labelled evaluation images and scores on both splits."
            )

    def truth(self) -> Rate | None:
        """Accuracy on the deployment images by their labels."""
        deploy = self.loaded.get("deploy")
        if deploy is None or deploy.predictions is None or not deploy.predictions.labelled.any():
            return None
        made = deploy.predictions
        right, n = int(made.correct[made.labelled].sum()), int(made.labelled.sum())
        return Rate(right / n, wilson(right, n), n)

    def findings(self, second: Split, class_name: str | None) -> tuple[Finding, ...]:
        """The finding about the whole deployment split."""
        if second != "deploy" or class_name or self.pair is None:
            return ()
        if self.judged_by_labels:
            return labelled_finding(self.view, self.shifts)
        return unlabelled_finding(self.against_data, self.expected, self.shifts, self.sample("deploy").total)

    def evidence(self, first: Split, second: Split, class_name: str | None) -> Evidence:
        """Everything as evidence."""
        view, pair, domain = self.view, self.pair, self.domain
        if pair is None:
            text = "There are too few images to compare."
            return Evidence("shift", TITLE, text, self.arguments, notes=tuple(self.notes))
        truth = self.truth() if self.expected is not None else None
        labels = self.sample("deploy").labels if second == "deploy" else np.zeros(0, np.int64)
        images, figures = typical_images(view, pair, domain)
        sentences = [
            domain_sentence(domain, first, second),
            attribute_sentence(self.shifts, second),
            mix_sentence(self.mix, view.classes, trusted=not differs(self.against_data)),
            accuracy_sentence(self.expected, truth),
        ]
        tables = [attribute_table_of(self.shifts, first, second, pair.by_class)] if self.shifts else []
        about = f"Images of {clean(class_name, 60)} only. " if class_name else ""
        return Evidence(
            tool="shift",
            arguments=self.arguments,
            title=TITLE if second == "deploy" else "How evaluation images differ from training images",
            summary=about + " ".join(s for s in sentences if s),
            facts=(
                *accuracy_facts(self.expected, truth, self.sample(second).total),
                *domain_facts(domain, first, second),
                *attribute_facts(self.shifts),
                *mix_facts(self.mix),
            ),
            tables=(
                *tables,
                *accuracy_table(self.expected, truth),
                *mix_table(self.mix, view.classes, labels),
            ),
            figures=(*accuracy_figure(view, self.expected, truth), *figures),
            images=images,
            questions=self._answered(second, class_name),
            findings=self.findings(second, class_name),
            notes=(
                *dict.fromkeys(self.notes),
                *notes_on(self.against_data, self.mix, self.expected, pair.by_class),
            ),
            next_steps=self._next_steps(second),
        )

    def _answered(self, second: Split, class_name: str | None) -> tuple[str, ...]:
        if second != "deploy":
            return ()
        whole = class_name is None and self.expected is not None and self.expected.stated is not None
        return QUESTIONS if whole else QUESTIONS[:1]

    def _next_steps(self, second: Split) -> tuple[str, ...]:
        made = []
        if difference_words(self.shifts, 1):
            made.append("Test whether errors go along with what differs (find_slices).")
        if second == "deploy" and not self.judged_by_labels and differs(self.against_data):
            made.append(
                "Label a few hundred deployment images: an estimate without labels rests on assumptions."
            )
        return tuple(made)


def _of_class(sample: Sample, wanted: int) -> Sample:
    """Images of one class: by label, by the model's answer where there is none."""
    said = np.full(len(sample), -1) if sample.predicted is None else sample.predicted
    return sample.only(np.where(sample.labels >= 0, sample.labels, said) == wanted)
