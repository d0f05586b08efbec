"""What may run where no person is asked: named policies, or a file that says so."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.registry import ToolSpec

HEAVY, WRITES = "heavy", "writes"  # in allow and deny: all tools that take long, all that make something new
ADOPT = "adopt_version"
KEYS = ("allow", "deny", "seconds")


@dataclass(frozen=True, slots=True)
class Policy:
    """Which calls run unattended.

    Attributes:
        name: as given.
        allow: names of tools, ``heavy`` or ``writes``. A tool that both takes long and writes needs ``writes``.
        deny: the same, and tools of any cost; what stands here does not run, whatever ``allow`` says. A tool that both takes
            long and writes is denied by either.
        seconds: no call that is expected to take longer, of whatever cost; None for no limit.
    """

    name: str
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    seconds: float | None = None

    def judge(self, spec: ToolSpec, seconds: float = 0.0) -> tuple[bool, str]:
        """(whether the call may run, why not); ``seconds``: what it is expected to take."""
        kinds = [k for k, so in ((WRITES, spec.writes), (HEAVY, spec.cost == HEAVY)) if so]
        if {spec.name, *kinds} & set(self.deny):
            return False, f"the policy {self.name!r} denies it"
        if kinds and not {spec.name, kinds[0]} & set(self.allow):
            what = "make something new" if kinds[0] == WRITES else "take long"
            return False, f"the policy {self.name!r} does not allow tools that {what}"
        if self.seconds is not None and seconds > self.seconds:
            return (
                False,
                f"about {seconds:.{0 if seconds >= 1 else 1}f} s expected, the policy {self.name!r} allows {self.seconds:g} s",
            )
        return True, ""

    def with_allowed(self, *names: str) -> Policy:
        """This policy, and these tools too, because a person asked for them."""
        return Policy(self.name, (*self.allow, *names), self.deny, self.seconds)


POLICIES = {
    "measure": Policy("measure", (HEAVY, ADOPT)),
    "cheap": Policy("cheap", (ADOPT,)),
    "all": Policy("all", (HEAVY, WRITES)),
}
"""``measure``: everything that measures, nothing that writes; ``cheap``: nothing that takes long; ``all``: both.

Where a check confirmed that the model is fed or read wrongly, all three go on with it as it should be: a version with another
side file, in the case folder. Without that every later figure is one of a model that nobody will run."""


def load_policy(given: str) -> Policy:
    """The policy of that name, or in that TOML file (keys ``allow``, ``deny``, ``seconds``); empty: ``measure``.

    Raises:
        UserError: there is none of that name, or the file can't be used.
    """
    if given in POLICIES or not given:
        return POLICIES[given or "measure"]
    path = Path(given).expanduser()
    if path.suffix != ".toml":
        raise UserError(
            f"There is no policy {clean(given, 60)!r}.", f"Use {', '.join(POLICIES)}, or a file NAME.toml."
        )
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        told = error.strerror if isinstance(error, OSError) else f"not TOML: {error}"
        raise UserError(f"The policy {clean(path)} can't be read: {clean(told, 200)}.", _EXAMPLE) from None
    return _checked(path, raw)


_EXAMPLE = 'Write for example: allow = ["heavy", "retrain"], deny = ["robustness_probe"], seconds = 600.'


def _checked(path: Path, raw: dict[str, Any]) -> Policy:
    from failsight.tools.registry import registry

    where = f"The policy {clean(path)}"
    if odd := [k for k in raw if k not in KEYS]:
        raise UserError(f"{where} has {listing(odd)}, which means nothing.", _EXAMPLE)
    lists = {k: raw.get(k, []) for k in ("allow", "deny")}
    known = {HEAVY, WRITES, *registry()}
    for key, names in lists.items():
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise UserError(f"{where}: {key} is no list of names.", _EXAMPLE)
        if unknown := [n for n in names if n not in known]:
            raise UserError(
                f"{where}: {key} names {listing(unknown)}, which is no tool.", "`failsight tools` lists them."
            )
    seconds = raw.get("seconds")
    if seconds is not None and (
        isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0
    ):
        raise UserError(f"{where}: seconds is {clean(seconds, 40)}.", "Write a number above 0.")
    return Policy(path.stem, tuple(lists["allow"]), tuple(lists["deny"]), seconds)
