"""What a person asks who sits here for the first time: what a word means, what this is for, where the report is.

Nothing is measured for any of it. What to try is said in sentences of this very case, each of which is understood as it
stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from failsight import prompts
from failsight.agent.places import shown_place
from failsight.agent.planners import meanings, phrases, readers, words
from failsight.agent.planners.dialogue import last_act, turns
from failsight.agent.planners.steps import largest_confusion
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from failsight.agent.case import Case
    from failsight.knowledge_base.vocabulary import Mentions

FORMATS: Final = ("md", "html", "json")
MOST: Final = 30  # classes that are named one by one
REPORT: Final = "report.html"
_LEAD: Final = (
    r"^\W*(?:(?:so|and|but|ok(?:ay)?|well|now|then|please|sorry|hey|hi|hello|um+|uh|hmm*|wait|can you|could you|would you|will you|can i|may i|could i|i want (?:you )?to|i'd like (?:you )?to|"
    r"i would like (?:you )?to|i need (?:you )?to|let'?s|let us|just|tell me|explain|go ahead and|first|how (?:do|can|could) (?:i|we|you))\b\W*)*"
)
_END: Final = r"(?:,? (?:please|now|then|for me|here|exactly|actually|really|again|first|anyway|at all|thanks|today|to me|with (?:this|it|you|that)|in here|in short))*\W*$"
_THIS: Final = r"(?:failsight|(?:this|the|your) (?:program|programme|tool|app|application|software|thing|system|site|assistant|chat|bot|screen|window)|this)"
_HELP: Final = tuple(
    re.compile(f"{_LEAD}(?:{text}){_END}", re.IGNORECASE)
    for text in (
        r"(?:i )?(?:need )?(?:some |a little )?help(?: me)?(?: out)?",
        r"(?:give me |show me )?(?:a |the |your )?(?:help|commands?|options|menu|instructions?|manual|tutorial|introduction|overview of (?:the )?commands)",
        r"what (?:can|could|do|will) (?:you|failsight) (?:all )?(?:do|help(?: me)?(?: with)?|offer|answer|tell me|show me)(?: for me)?",
        r"what (?:are you|is failsight) (?:able to do|capable of|good at|for|good for)",
        r"what (?:can|could|should|do|may|shall) i (?:all )?(?:do|ask|type|say|write|try)(?: you)?(?: here)?",
        r"who are you|what are you(?: doing)?|what'?s your name|are you (?:an? )?(?:ai|bot|human|robot|llm|language model|chatgpt|person|real)",
        rf"what(?:'?s| is| does) {_THIS}(?: for| about| good for| do| all about| used for| supposed to do| meant for)?",
        rf"what(?:'?s| is) the (?:purpose|point|goal|aim|use|idea) of {_THIS}",
        rf"how (?:does|do|can|should|to|would) (?:i |you |one |we |it )?(?:use |work with |start with |operate |begin with )?{_THIS}(?: works?)?",
        r"how (?:do|does|can|should) (?:i|we|you|one) (?:work|start|begin|use (?:it|you)|proceed|ask (?:a )?questions?|talk to you)",
        r"(?:i am|i'?m) (?:new(?: here)?|lost|stuck|confused|a beginner)|i (?:don'?t|do not) (?:know|understand) (?:what to do|how (?:this|it) works|how to (?:start|begin|use (?:it|this))|anything|what this is)",
        r"(?:which|what) (?:questions?|things?) can (?:i ask|you (?:do|answer))(?: you)?",
        r"getting started",
    )
)
_HELLO: Final = re.compile(
    r"^\W*(?:(?:hello|hi|hey|hiya|good (?:morning|afternoon|evening|day)|greetings|there|failsight|everyone|all)\b\W*)+$",
    re.IGNORECASE,
)
_PRAISE: Final = (
    r"(?:(?:that|this|it)(?:'?s| is| was| has been)? )?(?:(?:all|really|very|so|super|most|extremely|quite|much) )*(?:clear(?:er)?|helpful|useful|great|good|nice|interesting|"
    r"kind|perfect|brilliant|excellent|impressive|well done|good (?:job|work|to know)|what i (?:needed|wanted))(?: (?:of you|now|to me|to know|work|job|answer))*"
)
_THANKS: Final = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|great|good|perfect|nice|cool|fine|super|wow|ah|oh|all right|alright|many)\b\W*)*(?:(?:thanks?|thank you|thx|cheers)\b(?:\W+(?:you|very|so|much|a lot|lots|a bunch|everyone|"
    rf"for (?:that|this|your (?:help|time|patience)|the (?:help|answer|explanation))|failsight|again|indeed|i (?:see|understand|get it)(?: now)?|{_PRAISE}))*|(?=(?:that|this|it|really|very|so|super|most|well done|good (?:job|work))\b){_PRAISE})\W*$",
    re.IGNORECASE,
)
_LEAVE: Final = re.compile(
    r"^\W*(?:ok(?:ay)?\W+)?(?:stop|quit|exit|bye|good ?bye|end|close|leave|i(?:'m| am) done|that'?s all|see you|how (?:do|can) i (?:quit|exit|leave|stop|close)(?: (?:this|it))?)(?: (?:it|this|now|please|here|for now|the (?:program|app|session)))*\W*$",
    re.IGNORECASE,
)
_CLASSES: Final = re.compile(
    _LEAD
    + r"(?:(?:what|which) (?:are )?(?:the |its |these |all )?(?:classes|categories|labels)(?: (?:are there|does it (?:know|have|tell apart|recogni[sz]e)|do (?:i|we|you) have|there are|exist))?"
    r"|(?:list|show me|name) (?:all )?(?:the |its )?(?:classes|categories|labels)|what (?:does|can|should) (?:it|the model|this model|the network|the classifier|my model) (?:do|recogni[sz]e|classify|tell apart|know)"
    r"|what kind of (?:model|classifier) is (?:it|this)|how many (?:classes|categories)(?: are there| does it have)?)"
    + _END,
    re.IGNORECASE,
)
_A_REPORT: Final = r"(?:(?:an?|the|my|our|your|this|that|some|me an?|me the|us an?|a (?:new|final|full|short|complete)|the (?:full|final|whole|complete))\s+)*(?:html |pdf |markdown |written |json )?(?:report|findings\.json|report\.html|report\.md|documentation|write-?up)s?"
_WRITE: Final = tuple(
    re.compile(f"{_LEAD}(?:{text}){_END}", re.IGNORECASE)
    for text in (
        rf"(?:write|make|create|generate|produce|save|export|give(?: me)?|print|build|prepare|draw up|compile|get(?: me)?|have|want|need|download|update|refresh|i (?:want|need)|send(?: me)?)\s+{_A_REPORT}(?: (?:of|about|on|for|from|with|as) (?:this|it|that|everything|all(?: (?:of )?(?:this|that|it))?|the (?:case|model|session|findings|results)|what (?:you|we) (?:have )?found|my (?:boss|team|manager|colleagues?)|an? (?:html|pdf|file|markdown)(?: file)?))*",
        r"(?:save|export|store|keep|write down|download)\s+(?:(?:this|it|that|everything|all(?: (?:of )?(?:this|that|it))?|my work|our work|the (?:results?|findings|session|case|conversation|chat|work)|these results|what (?:you|we) (?:have )?found)\b ?)+(?:(?:to|as|in|into) (?:an? |the )?(?:file|disk|report|html|pdf|folder))?",
        r"(?:report|save|export)",
    )
)
_WHERE: Final = re.compile(
    _LEAD
    + rf"(?:where(?:'?s| is| are| can i (?:find|see|get|open)| do i (?:find|see|get)| (?:did|do) you (?:save|put|write|keep))\s+{_A_REPORT}|(?:is|are) (?:there )?{_A_REPORT}(?: (?:written|saved|ready|done))?"
    rf"|(?:open|show(?: me)?|see|view|read)\s+{_A_REPORT}|where (?:is|are) (?:it|this|that|everything|the (?:results|case|files?|data)) (?:saved|stored|kept|written)|is (?:it|this|that|everything) (?:saved|stored|kept))"
    + _END,
    re.IGNORECASE,
)


def answered(case: Case, question: str, mentions: Mentions) -> AIMessage | None:
    """The answer to a first-time question; None for every other sentence.

    Args:
        mentions: the names of the case in the sentence.
    """
    made = meanings.explained(case, question, mentions) or meanings.of_last(
        case, question, turns(case, question)
    )
    if made is not None:
        return made
    if (made := readers.answered(case, question)) is not None:
        return made
    if mentions.found or len(question) > 160:
        return None
    text = " ".join(question.split())
    if phrases.NEXT.match(text) and case.state().evidence:
        return None
    if _THANKS.match(text):
        return words.message(prompts.say("thanks"), words.choices(case))
    if text.strip() == "?" or _HELLO.match(text) or any(p.match(text) for p in _HELP):
        return helped(case, question)
    if _LEAVE.match(text):
        return words.message(prompts.say("leave", folder=shown_place(case.folder)), words.choices(case))
    if _CLASSES.match(text):
        return _classes(case)
    if _WHERE.match(text):
        return _where(case)
    return _written(case) if any(p.match(text) for p in _WRITE) else None


def helped(case: Case, question: str = "") -> AIMessage:
    """What Failsight is for, in short, with three sentences to try that this case understands."""
    tries = to_try(case)
    lines = [
        prompts.say(
            "help.what", name=clean(case.name, 60), classes=listing([clean(c, 40) for c in case.classes], 6)
        ),
        "",
        prompts.say("help.try"),
        *(f"- {one}" for one in tries),
        "",
        prompts.say("help.more"),
    ]
    act = last_act(turns(case, question)) if re.search(r"\bthis\W*$", question, re.IGNORECASE) else None
    if act is not None and act.evidence:
        lines.append(prompts.say("help.last", evidence=act.evidence))
    return words.message("\n".join(lines), [*tries, *words.choices(case)])


def to_try(case: Case) -> list[str]:
    """Three sentences that show what can be asked here, with names of this case."""
    state = case.state()
    evaluation = state.latest("evaluate")
    weakest = _weakest(evaluation.to_dict(), case.classes) if evaluation is not None else ""
    first = _spoken(weakest or case.classes[0])
    matrices = (e.to_dict() for e in reversed(state.evidence) if e.tool == "confusion_matrix")
    pair = next((p for m in matrices if (p := largest_confusion(m)) is not None), None)
    other = next((c for c in case.classes if c != (weakest or case.classes[0])), first)
    confirmed = [r.id for r in state.confirmed()]
    boxes = case.table().boxes
    thing = next((_spoken(n) for row in boxes or () for n in sorted(row)), "")
    if confirmed:
        last = f"Why {confirmed[0]}?"
    elif thing:
        last = f"I think it uses the {thing} to say {_spoken(other)}"
    else:
        last = "Are the labels right?"
    mistaken = (
        f"Show me {_spoken(pair[0])} images that are called {_spoken(pair[1])}"
        if pair is not None
        else f"What is {first} mistaken for?"
    )
    return [f"Why is {first} so bad?" if weakest else "How well does it do on each class?", mistaken, last]


def _spoken(name: str) -> str:
    return clean(name.replace("_", " "), 40)


def _weakest(made: Mapping[str, Any], classes: Any) -> str:
    """The class of the evaluation images that is recognised least often; empty where the evidence does not tell."""
    found = {}
    for name in classes:
        of = next(
            (f["value"] for f in made["facts"] if f["name"] == "recall" and f["of"].endswith(f"class {name}") and "deploy" not in f["of"] and "train" not in f["of"]),
            None,
        )  # fmt: skip
        if isinstance(of, int | float):
            found[name] = float(of)
    return min(found, key=lambda n: found[n]) if found else ""


def _classes(case: Case) -> AIMessage:
    """The classes, with how many evaluation images carry each."""
    labels = case.table().labels
    counts = [int((labels == i).sum()) for i in range(len(case.classes))]
    named = [f"{clean(c, 40)} {n:,}" for c, n in zip(case.classes, counts, strict=True)]
    text = prompts.say(
        "classes.list", count=len(case.classes), images=f"{len(labels):,}", names=listing(named, MOST)
    )
    return words.message(text, ["How well does it do on each class?", *words.choices(case)])


# --- the report ------------------------------------------------------------------------------------------------------


def _written(case: Case) -> AIMessage:
    """The report, written by the code of ``/report``."""
    from failsight.agent.narrate import write_reports

    made = write_reports(case.folder, case.state(), case.journal.events, FORMATS)
    text = prompts.say(
        "report.written", names=listing([p.name for p in made]), folder=shown_place(case.folder)
    )
    return words.message(text, words.choices(case))


def _where(case: Case) -> AIMessage:
    """Where the report lies, or that none was written yet."""
    path = case.folder / REPORT
    text = (
        prompts.say("report.there", path=shown_place(path), folder=shown_place(case.folder))
        if path.exists()
        else prompts.say("report.none", folder=shown_place(case.folder))
    )
    return words.message(text, ["Write the report", *words.choices(case)])
