"""The configuration of a case: what was given, where it lies. ``case.toml`` in the case folder, readable by people."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from failsight.agent.given import as_settings, by_name
from failsight.agent.secrets import redact
from failsight.tools.errors import UserError
from failsight.tools.evidence import digest
from failsight.tools.text import clean

FILE = "case.toml"
LOOSE = (
    "level",
    "planner",
    "device",
    "engine",
    "workflow",
    "budget",
    "encoder",
    "vqa",
    "segmenter",
    "method",
    "policy",
    "repair",
)
"""Settings that may differ from one opening of a case to the next; all others make it another case."""
MODELS = ("encoder", "vqa", "segmenter")  # models besides the one that is looked at: folders or hub ids
WORDED = {"name": 200, "task": 2000}
"""Settings in words, and how long each may be."""
ROOMS = "rooms"  # the encoder that comes with Failsight


@dataclass(frozen=True, slots=True)
class CaseConfig:
    """What a case is about.

    Paths are absolute; empty text where a thing was not given. ``class_map`` renames classes of the data to classes
    of the model. ``thresholds``: class → the score from which on it is answered, as text (``"0.2"``), in place of those in
    ``model.json``; other thresholds make another case. ``code``: digest of
    the Python code that ``trust_code`` said yes to. ``encoder`` and ``vqa`` are folders (or hub ids) of models that know words; ``encoder="rooms"`` is the
    small one that comes along. ``segmenter``: likewise a model that finds regions (docs/regions.md). ``policy``: what may run unattended (``agent/policy.py``); ``repair``: which confirmed
    findings to repair (``first``, ``all``, or ids). ``metadata`` is a CSV joined to the images by ``metadata_key`` (its column that equals the file stem).
    """

    name: str = ""
    task: str = ""
    model: str = ""
    arch: str = ""
    predictions: str = ""
    data: str = ""
    train: str = ""
    pool: str = ""
    deploy: str = ""
    history: str = ""
    metadata: str = ""
    metadata_key: str = ""
    class_map: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, str] = field(default_factory=dict)
    trust_code: bool = False
    code: str = ""
    device: str = "cpu"
    engine: str = "local"
    encoder: str = ""
    vqa: str = ""
    segmenter: str = ""
    method: str = "failsight"
    seed: int = 0
    level: str = "intermediate"
    workflow: str = "reactive"
    planner: str = "guided"
    budget: str = ""
    policy: str = ""
    repair: str = ""

    def __post_init__(self) -> None:
        """What a person wrote in words reaches file names, pages and journals: no keys and no control characters in it."""
        for setting, most in WORDED.items():
            object.__setattr__(self, setting, clean(redact(str(getattr(self, setting))), most))

    def sources(self) -> dict[str, str]:
        """The splits that were given: split name → path."""
        given = {"data": self.data, "train": self.train, "pool": self.pool, "deploy": self.deploy}
        return {k: v for k, v in given.items() if v}

    def bars(self) -> dict[str, float]:
        """``thresholds`` as numbers. Raises UserError where one is none."""
        return _bars(self.thresholds)

    def slug(self) -> str:
        """A folder name that is the same for the same question: names of model and data, and a short digest."""
        asked = {k: v for k, v in dataclasses.asdict(self).items() if k not in LOOSE}
        del asked["code"]  # other code under the same name is refused, not another case
        if not self.thresholds:  # cases that were opened before there were any keep their folder
            del asked["thresholds"]
        stem = "-".join(Path(p).stem for p in (self.model or self.predictions, self.data) if p) or "case"
        kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in self.name or stem)
        return f"{kept[:60]}-{digest(asked)[:6]}"


def _bars(given: Mapping[str, Any]) -> dict[str, float]:
    if not given:
        return {}
    from failsight.tools.inputs.decisions import threshold_value  # numpy, which a first paint does without

    return {name: threshold_value(name, value) for name, value in given.items()}


def as_text(thresholds: Mapping[str, Any]) -> dict[str, str]:
    """Thresholds as a case keeps them, however their numbers were written. Raises UserError where one is none."""
    return {name: repr(bar) for name, bar in _bars(thresholds).items()}


def check_words(given: Mapping[str, Any]) -> None:
    """What settings in words mean is looked up now, not when they are needed.

    Raises:
        UserError: an unknown workflow, policy or planner, a budget or a choice of repairs that can't be read.
    """
    if given.get("workflow"):
        check_workflow(given["workflow"])
    if given.get("policy"):
        from failsight.agent.policy import load_policy

        load_policy(given["policy"])
    if given.get("repair"):
        from failsight.agent.planners.repairs import check

        check(given["repair"])
    if given.get("planner"):
        from failsight.agent.planners import check_planner

        check_planner(given["planner"])
    if given.get("budget"):
        from failsight.agent.guards.spending import Budget

        Budget.parse(given["budget"])  # whoever plans


def check_workflow(name: str) -> None:
    """Raises UserError when there is no workflow ``name``; names are file names, so that nothing is loaded for it."""
    from importlib.resources import files

    folder = files("failsight.knowledge_base").joinpath("workflows")
    known = sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
    if name not in known:
        raise UserError(f"There is no workflow {name!r}.", f"Use one of {', '.join(known)}.")


def model_place(given: str, name: str) -> str:
    """An absolute path where ``given`` is one; names that come along and hub ids stay as they are.

    Raises:
        UserError: it is written as a path and nothing is there.
    """
    path = Path(given).expanduser()
    if path.exists():
        return str(path.resolve())
    if given == ROOMS or (name == "vqa" and given.startswith("openai:")) or _HUB.fullmatch(given):
        return given
    raise UserError(
        f"There is no {path} (given as {name}).", "Give a model folder, or a hub id such as owner/name."
    )


_HUB = re.compile(r"\w[\w.-]*/[\w.-]+")  # owner/name; with a slash at its end it is a folder

PATHS = ("model", "predictions", "data", "train", "pool", "deploy", "history", "metadata")

SPLIT_PATHS = ("data", "train", "pool", "deploy")


def place_of(given: str, name: str) -> str:
    """The absolute path of a file or folder; of a model also ``file.py:function``, and ``hub:owner/name`` as it is; of data also
    ``folder#split``.

    Raises:
        UserError: nothing is there.
    """
    if name == "model" and given.startswith("hub:"):
        return given
    path, part = Path(given).expanduser(), ""
    mark = {"model": ":", **dict.fromkeys(SPLIT_PATHS, "#")}.get(name)
    if mark is not None and not path.exists():
        before, _, after = given.rpartition(mark)
        if before and (mark == "#" or before.endswith(".py")):
            path, part = Path(before).expanduser(), f"{mark}{after}"
    if not path.exists():
        raise UserError(f"There is no {path} (given as {name}).", "Check the path.")
    return f"{path.resolve()}{part}"


def make_config(**given: Any) -> CaseConfig:
    """A configuration from command-line or Python arguments; paths are made absolute and must exist.

    Raises:
        UserError: a path that does not exist, or neither a model nor predictions, or no data.
    """
    made = as_settings(by_name(given), dataclasses.asdict(CaseConfig()))
    check_words(made)
    for name in PATHS:
        if made.get(name):
            made[name] = place_of(str(made[name]), name)
    made |= {name: model_place(str(made[name]), name) for name in MODELS if made.get(name)}
    if made.get("thresholds"):
        made["thresholds"] = as_text(made["thresholds"])
    config = _with_code(CaseConfig(**made))
    if not (config.model or config.predictions):
        raise UserError(
            "There is no model to look at.",
            "Give one with --model, or its answers with --predictions FILE.csv.",
        )
    if not (config.data or config.predictions):
        raise UserError("There are no labelled images to test on.", "Give them with --data FOLDER.")
    return config


def _with_code(config: CaseConfig) -> CaseConfig:
    """With the place of its code, whatever folder the case is opened from later, and what it is that was trusted."""
    if not config.arch and not config.trust_code:
        return config
    from failsight.agent.trusted import code_print
    from failsight.tools.inputs.models.code import placed

    config = dataclasses.replace(config, arch=placed(config.arch))
    return dataclasses.replace(config, code=code_print(config))


def save_config(folder: Path, config: CaseConfig) -> None:
    """Write ``case.toml``."""
    lines = ["# A Failsight case. Change it with the command line; the journal remembers what was used when."]
    maps = []
    for item in dataclasses.fields(CaseConfig):
        value = getattr(config, item.name)
        if isinstance(value, Mapping):
            maps += [f"\n[{item.name}]", *(f"{_toml(k)} = {_toml(v)}" for k, v in value.items())]
        else:
            lines.append(f"{item.name} = {_toml(value)}")
    from failsight.tools.inputs.fingerprint import write_atomically

    raw = ("\n".join([*lines, *maps]) + "\n").encode("utf-8", "surrogateescape")
    try:
        write_atomically(folder / FILE, lambda fresh: fresh.write_bytes(raw))
    except OSError as error:
        raise UserError(
            f"{folder / FILE} can't be written ({error.strerror or error}).",
            "Free some space, or choose another folder with --out.",
        ) from None


def _toml(value: Any) -> str:
    """A setting as TOML writes it. JSON's ``\\u`` escapes would break up what lies beyond the first plane (an emoji).

    Bytes of file names that are no UTF-8 stay as they are; what is half a character otherwise can't be kept.
    """
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", text)


def _typed(given: Mapping[str, Any]) -> CaseConfig:
    """The configuration, if every setting is of its type. Raises TypeError, naming the setting."""
    made = CaseConfig()
    for name, value in given.items():
        wanted = type(getattr(made, name))
        if type(value) is not wanted:
            raise TypeError(f"{name} is {type(value).__name__}, not {wanted.__name__}")
        if isinstance(value, Mapping) and not all(isinstance(v, str) for v in value.values()):
            raise TypeError(f"{name} has a value that is no text")
    return CaseConfig(**given)


def load_config(folder: Path) -> CaseConfig:
    """Read ``case.toml``.

    Raises:
        UserError: the folder is no case, or the file can't be read.
    """
    path = folder / FILE
    if not path.is_file():
        raise UserError(
            f"{folder} is not a Failsight case (it has no {FILE}).",
            "Give a case folder, or --model and --data.",
        )
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        known = {f.name for f in dataclasses.fields(CaseConfig)}
        return _typed({k: v for k, v in raw.items() if k in known})
    except (OSError, tomllib.TOMLDecodeError, TypeError, RecursionError) as error:
        raise UserError(f"{path} can't be read: {error}.", "Mend the line, or start a new case.") from None
