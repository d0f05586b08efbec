"""How somebody went about it: what they did, in order, and the pitfalls and merits in that. Pure functions.

Pitfalls are after Balayn et al., "Faulty or Ready?" (CHI 2023); the articles are those of the knowledge base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

What = Literal["look", "found", "guess", "suspect", "control", "test", "verdict", "correct", "conclude"]
CORRECTNESS = frozenset({"evaluate", "confusion_matrix", "describe_case"})
GROUP_KINDS = frozenset({"weak_slice", "rare_case"})
DATA_REPAIRS = frozenset({"collect", "generate", "rebalance"})
CHECKS = frozenset(
    {
        "label_noise",
        "duplicates_and_leakage",
        "preprocessing_probe",
        "training_record",
        "shift",
        "find_slices",
        "model_structure",
    }
)
"""Measurements that look for a cause; the others say how much is wrong."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody did.

    Attributes:
        what: which kind of thing; ``found``: what a look decided by itself, for a check is a test of the cause that it looks for.
        tool: the measurement, where there is one.
        kind: the cause that it is about, or the repair.
        right: whether it was right, where that can be said.
        verdict: of the finding afterwards (``test``, ``found``), or as it was read (``verdict``).
    """

    what: What
    tool: str = ""
    kind: str = ""
    right: bool | None = None
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Pitfall:
    """A pitfall in words: what was done, what it is called, what to do instead, and where to read on."""

    name: str
    said: str
    title: str
    instead: str
    entry: str = ""

    @property
    def sentence(self) -> str:
        read_on = f" (failsight ask “{self.title}”)" if self.entry else ""
        return f"{self.title}. {self.said} Instead: {self.instead}{read_on}"


@cache
def pitfalls() -> dict[str, Pitfall]:
    """All pitfalls that lessons notice, by name; words of the knowledge base where it has an article."""
    import yaml

    text = resources.files("failsight.agent.learn").joinpath("data/pitfalls.yaml").read_text("utf-8")
    entries = resources.files("failsight.knowledge_base").joinpath("entries/pitfalls/pitfalls.yaml")
    articles = {e["id"]: e for e in yaml.safe_load(entries.read_text("utf-8"))["entries"]}
    made = {}
    for name, own in yaml.safe_load(text)["pitfalls"].items():
        article = articles.get(own["entry"], {})
        made[name] = Pitfall(
            name,
            own["said"],
            str(own.get("title") or article["title"]),
            str(own.get("instead") or article["instead"]),
            own["entry"],
        )
    return made


def at_correction(acts: Sequence[Act], repair: str, fits: Iterable[str]) -> str | None:
    """The pitfall in choosing ``repair`` now; ``fits`` are the repairs that aim at what was confirmed."""
    if not decided(acts, "confirmed"):
        suspected = any(a.what == "suspect" for a in acts)
        return "repair_before_test" if suspected else "repair_before_hypothesis"
    if repair in set(fits):
        return None
    return "data_for_everything" if repair in DATA_REPAIRS else "unfitting_repair"


def at_test(acts: Sequence[Act], kind: str, tool: str) -> str | None:
    """The pitfall in testing a hypothesis of ``kind`` with ``tool`` now."""
    searched = any(a.what == "look" and a.tool == "find_slices" for a in acts)
    return "same_data" if kind in GROUP_KINDS and tool == "compare_group" and searched else None


def at_verdict(read: str, measured: str) -> str | None:
    """The pitfall in reading ``measured`` as ``read``."""
    if read == measured:
        return None
    if measured == "inconclusive":
        return "absence" if read == "refuted" else "point_estimate"
    return "point_estimate" if read == "confirmed" else None


def at_conclusion(acts: Sequence[Act], kind: str, has_deployment: bool) -> list[str]:
    """The pitfalls in concluding ``kind`` now (empty text: that nothing is wrong)."""
    looked = [a.tool for a in acts if a.what in ("look", "test")]
    confirmed = decided(acts, "confirmed")
    made = []
    if kind and kind not in confirmed:
        if looked and set(looked) <= CORRECTNESS | {"saliency"}:
            made.append("saliency_overread" if "saliency" in looked else "only_accuracy")
        else:
            made.append("untested_conclusion")
    if not kind:
        if not set(looked) & CHECKS:
            made.append("only_accuracy")
        elif len(set(looked) & CHECKS) < len(CHECKS) - 2:
            made.append("few_checks")
        if any(a.what == "test" and a.verdict == "inconclusive" for a in acts):
            made.append("absence")
    if has_deployment and not {"shift", "evaluate"} & set(looked):
        made.append("shift_ignored")
    return made


def decided(acts: Sequence[Act], verdict: str) -> set[str]:
    """Kinds of causes of which a test, or a check that somebody looked at, said ``verdict``."""
    return {a.kind for a in acts if a.what in ("test", "found") and a.verdict == verdict}


def one_family(acts: Sequence[Act], families: dict[str, str]) -> bool:
    """Whether somebody has suspected three causes or more, all of one family."""
    kinds = {a.kind for a in acts if a.what == "suspect"}
    return len(kinds) >= 3 and len({families.get(k, k) for k in kinds}) == 1


def review(acts: Sequence[Act]) -> list[tuple[bool, str]]:
    """What was well done and what was left out, whatever the outcome: (good, sentence) pairs."""
    looks = [a for a in acts if a.what == "look"]
    made: list[tuple[bool, str]] = []
    guesses = sum(a.what == "guess" for a in acts)
    if looks:
        good = guesses >= len(looks) / 2
        made.append(
            (good, f"You said what you expected before {guesses} of {len(looks)} looks.")
            if good
            else (
                False,
                "You mostly looked first: a guess before each look shows what you believed without knowing.",
            )
        )
    stated = [a for a in acts if a.what == "suspect"]
    tested = [a for a in acts if a.what == "test"]
    if stated:
        made.append((True, f"You stated {_many(len(stated), 'hypothesis', 'hypotheses')} before testing."))
        settled = {a.kind for a in acts if a.what in ("test", "found")}
        left = sum(a.kind not in settled for a in stated)
        if left:
            made.append((False, f"{left} of them {'was' if left == 1 else 'were'} never tested."))
    elif checked := sorted(decided(acts, "confirmed") | decided(acts, "refuted")):
        names = ", ".join(kind.replace("_", " ") for kind in checked)
        made.append(
            (
                True,
                f"Your checks decided {_many(len(checked), 'cause', 'causes')} ({names}): a check tests the cause it looks for.",
            )
        )
    else:
        made.append((False, "You stated no hypothesis, so nothing was ruled out by you."))
    refuted = len([a for a in tested if a.verdict == "refuted"]) or len(decided(acts, "refuted"))
    if refuted:
        made.append(
            (True, f"You ruled out {_many(refuted, 'cause', 'causes')}: that saves the next person the work.")
        )
    controls = [a for a in acts if a.what == "control"]
    if controls:
        right = sum(bool(a.right) for a in controls)
        made.append(
            (right == len(controls), f"Controls: {right} of {len(controls)} fair at the first choice.")
        )
    read = [a for a in acts if a.what == "verdict"]
    if read:
        right = sum(bool(a.right) for a in read)
        made.append((right == len(read), f"Verdicts: {right} of {len(read)} read as the plan reads them."))
    dearer = _cheapest_first(looks)
    if dearer:
        made.append((False, dearer))
    return made


def _cheapest_first(looks: Sequence[Act]) -> str:
    """A remark where heat maps came before every cheap check of a cause."""
    tools = [a.tool for a in looks]
    if "saliency" in tools and not set(tools[: tools.index("saliency")]) & CHECKS:
        return "Heat maps came before any cheap check of a cause: checks of labels, feeding and splits cost seconds and decide."
    return ""


def _many(n: int, one: str, more: str) -> str:
    return f"{n} {one if n == 1 else more}"


def acts_of(events: Iterable[Any]) -> list[Act]:
    """What was done, from a journal; behind each look at a cause what its evidence decided, a cause each."""
    made: list[Act] = []
    found: dict[str, dict[str, str]] = {}  # tool → cause → verdict, of its newest evidence
    for event in events:
        if event.kind == "evidence.recorded":
            evidence = event.data["evidence"]
            found[str(evidence["tool"])] = _causes(evidence.get("findings") or ())
        elif event.kind == "learn.act":
            act = Act(**event.data["act"])
            made.append(act)
            if act.what == "look" and act.tool not in CORRECTNESS | {"saliency"}:
                made += [
                    Act("found", act.tool, kind, verdict=v) for kind, v in found.get(act.tool, {}).items()
                ]
    return made


def _causes(findings: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Cause → verdict: confirmed where any finding of it is."""
    made: dict[str, str] = {}
    for finding in findings:
        kind, verdict = str(finding.get("kind")), finding.get("verdict")
        if verdict and made.get(kind) != "confirmed":
            made[kind] = str(verdict)
    return made
