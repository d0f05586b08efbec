"""Which of the expectations hold, and whether the model is ready."""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.lexicon import NEGATION
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.verdicts import Findings

_MET = re.compile(
    r"\b(?:met|fulfilled|satisfied|reached|holds?|passed|passes|pass|achieved|meets?|fulfils?|satisf(?:y|ies)|reaches|clears|exceeds)\b|\b(?:above|over)\b(?= (?:the |your )(?:required|bar|target|threshold|goal|criterion|expected))|\b(?:high|good|well) enough\b|\bsufficient\b|\bfails?\b|\bfailed\b|\bmisse[sd]\b|\bbelow\b|\bshort of\b|\bfalls short\b|\bunmet\b",
    re.IGNORECASE,
)

_UNMET = re.compile(r"fail|miss|below|short|unmet", re.IGNORECASE)

_CRITERION = re.compile(
    r"\bexpectations?\b|\basked for\b|\brequired\b|\bthresholds?\b|\bcriteri(?:a|on)\b|\breadiness\b|\bbars?\b|\bbounds?\b|\btargets?\b|\brequirements?\b|\bgoals?\b|\bdemands?\b",
    re.IGNORECASE,
)

_READY = re.compile(
    r"(?:\b(?:is|are|looks|seems|was|judged|be)|'s|\b(?P<nt>isn't|aren't|is not)) (?P<not>not (?:yet )?|far from )?(?:yet )?(?:\w+ )?ready\b|\bverdict (?:on readiness )?is (?:positive|favourable|yes)\b|(?:ended in|result is|result|verdict|says)[: *]+(?P<not2>not )?ready\b|\b(?:counts as|considered|deemed|rated|judged|passes as|qualifies as|called|regarded as) (?P<not3>not )?ready\b|\bgood enough\b|\bfit for (?:use|deployment)\b",
    re.IGNORECASE,
)


def _holding(readiness: object) -> dict[str, bool]:
    made: dict[str, bool] = {}
    for table in getattr(readiness, "tables", ()):
        if "holds" in table.columns and "name" in table.columns:
            at, name = table.columns.index("holds"), table.columns.index("name")
            made.update({str(row[name]): str(row[at]) == "yes" for row in table.rows})
    return made


class Expected(Findings):
    """The expectations of a case."""

    def _expectations(self, at: Reading) -> Iterator[Claim]:
        """Which of the expectations hold, and whether the model is ready."""
        part = at.part
        readiness = self.state.latest("readiness")
        if readiness is None or part.rstrip().endswith("?"):
            return
        match = _READY.search(part)
        if (
            match is not None
            and not hedged(part, match.start())
            and not re.search(r"\bto $", part[: match.start()], re.IGNORECASE)
        ):
            is_ready = any(f.name == "readiness" and f.value == "ready" for f in readiness.facts)
            says = not (
                match["nt"]
                or match["not"]
                or match["not2"]
                or match["not3"]
                or NEGATION.search(part[: match.end()])
            )
            yield self._expected(at, match, is_ready == says, readiness.id)
        yes = re.search(r"\|\s*(?P<word>yes|no)\s*\|\s*$", part, re.IGNORECASE)
        best = re.search(r"\bbest(?: class)?[ _-](?:class )?recall\b", part, re.IGNORECASE)
        if (
            best is not None
            and "worst_recall" in self.state.expectations
            and (_CRITERION.search(part) or _MET.search(part))
        ):
            yield self._expected(at, best, False, readiness.id)
        match = _MET.search(part) if yes is None else yes
        named = [
            n
            for n in self.state.expectations
            if re.search(re.escape(n).replace("_", "[_ ]"), part, re.IGNORECASE)
        ]
        if match is not None and re.search(r"\bto $", part[: match.start()]):
            return  # "would have to rise to meet the bar"
        if (
            match is None
            or not (_CRITERION.search(part) or (yes is not None and named))
            or at.whole.attributes
            or re.search(r"\beffect\b", part)
        ):
            return
        held = _holding(readiness)
        wanted = [held[n] for n in named if n in held] or list(held.values())
        says = bool(_UNMET.search(match[0])) == bool(
            NEGATION.search(
                re.sub(
                    r"\bno\b", " ", re.split(r"[;:]|,? but\b|, (?:and|while)\b", part[: match.start()])[-1]
                )
            )
        )
        if re.search(r"\bone of (?:the|your|its|both|two)\b", part) and not named and yes is None:
            failing = sum(not h for h in held.values())
            ok = failing == 1 if _UNMET.search(match[0]) else len(held) - failing == 1
            yield self._expected(at, match, ok, readiness.id)
            return
        if re.search(r"\b(?:only|solely|just)\b", part) and len(named) == 1 and len(held) > 1 and yes is None:
            says = bool(_UNMET.search(match[0]))
            ok = all((name in named) == (h != says) for name, h in held.items())
            yield self._expected(at, match, ok, readiness.id)
            return
        if yes is not None:
            says = yes["word"].lower() == "yes"
        if re.search(r"\bneither\b|\bnone\b|\bno (?:criterion|expectation)", part, re.IGNORECASE):
            says = bool(_UNMET.search(match[0]))
        yield self._expected(at, match, all(h == says for h in wanted), readiness.id)

    def _expected(self, at: Reading, match: re.Match[str], ok: bool, ref: str) -> Claim:
        start = at.sentence.start + match.start()
        return weighed(
            "status", start, start + len(match[0]), ok, (ref,), "the readiness check says otherwise"
        )
