"""A planner on this machine: a chat model of transformers from a folder, with tool calls that cannot be malformed.

Only safetensors (or a GGUF file, where the packages ``gguf`` and ``accelerate`` are installed) are read, nothing is
fetched, no code that came with the model is run.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from failsight.agent.planners import grammar
from failsight.agent.planners.calls import read_answer
from failsight.agent.planners.chat_text import render
from failsight.agent.planners.decoding import RESERVE, Choice, Vocabulary, write
from failsight.agent.planners.llm import TIMEOUT, setting
from failsight.agent.planners.server_errors import PlannerFailed
from failsight.agent.planners.streamed import spoken
from failsight.agent.progress import Quiet
from failsight.tools.errors import UserError
from failsight.tools.text import clean

ANSWER = 512  # tokens of an answer at most
WINDOW = 16_384  # tokens of context that are used at most: more takes minutes to read on a CPU
SHORTEST = 1024  # tokens of context below which a model can't follow a case
CUT = 200  # characters to which long messages are cut where the newest alone do not fit
_INSTALL = "Install them with: pip install gguf accelerate, or give a folder with safetensors."


class LocalPlanner(BaseChatModel):
    """A causal language model as a planner.

    Greedy, hence deterministic. Once a tool call has begun, only tokens pass that keep it one that the tools take; one
    call an answer. What the model can't hold is left out: the oldest messages first, the system prompt last.

    Args:
        model: a causal language model of transformers.
        tokenizer: its tokenizer.
        progress: where the writing shows, token by token; its ticks interrupt.
        answer: tokens of an answer at most.
        seconds: time of an answer at most.
    """

    _model: Any = PrivateAttr()
    _tokenizer: Any = PrivateAttr()
    _progress: Any = PrivateAttr()
    _vocabulary: Vocabulary = PrivateAttr()
    _answer: int = PrivateAttr()
    _seconds: float = PrivateAttr()
    _window: int = PrivateAttr()

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        progress: Any = None,
        answer: int = ANSWER,
        seconds: float = TIMEOUT,
    ) -> None:
        super().__init__()
        self._model, self._tokenizer, self._progress = model.eval(), tokenizer, progress or Quiet()
        self._vocabulary = Vocabulary(tokenizer, _ends(model, tokenizer))
        self._answer, self._seconds = answer, seconds
        said = int(getattr(model.config, "max_position_embeddings", 0) or WINDOW)
        self._window = min(said, WINDOW)

    @property
    def _llm_type(self) -> str:
        return "failsight-local"

    @property
    def conversation_tokens(self) -> int:
        """How many tokens of conversation fit beside the system prompt, the tools and the answer."""
        return max(self._window // 2 - self._answer, 256)

    def bind_tools(self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any) -> Any:
        """The model with tools. ``tool_choice`` ``"any"`` or ``"required"``: only a call is an answer."""
        made = [convert_to_openai_tool(t) for t in tools]
        return self.bind(tools=made, must_call=tool_choice in ("any", "required", True), **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        must_call: bool = False,
        **kwargs: Any,
    ) -> ChatResult:
        began = time.monotonic()
        prompt = self._prompt(messages, tools)
        schemas = {t["function"]["name"]: t["function"].get("parameters", {"type": "object"}) for t in tools}
        choice = Choice(self._vocabulary, grammar.start(schemas, must_call=must_call) if tools else None)
        with self._progress.job("writing an answer", self._answer) as ticker:
            made = write(
                self._model, prompt, choice, most=self._answer, tick=lambda: ticker.advance(0),
                seconds=self._seconds - (time.monotonic() - began),
            )  # fmt: skip
        if made.why == "time" and not made.tokens:
            raise PlannerFailed(
                f"The model did not get through its prompt of {len(prompt):,} tokens in {self._seconds:g} seconds.",
                "Set FAILSIGHT_MODEL_TIMEOUT to more seconds, take a smaller model, or use --planner guided.",
            )
        text = spoken(self._vocabulary.text(made.tokens))
        for mark in stop or ():
            text = text.partition(mark)[0]
        words, calls, bad = read_answer(text)
        answer = AIMessage(
            words, tool_calls=_unique(calls, prompt), invalid_tool_calls=bad,
            usage_metadata={
                "input_tokens": len(prompt), "output_tokens": len(made.tokens),
                "total_tokens": len(prompt) + len(made.tokens),
            },
            response_metadata={"finish_reason": made.why},
        )  # fmt: skip
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _prompt(self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]]) -> list[int]:
        """The ids of as much of the conversation as fits: the system prompt and the newest messages.

        Where the tools would take more than half of the room, they are told briefly; a call may still have all arguments.

        Raises:
            PlannerFailed: not even the tools and the last message fit.
        """
        room = self._window - self._answer
        system = [m for m in messages if m.type == "system"]
        rest = [m for m in messages if m.type != "system"]
        brief = len(self._ids([], tools)) > room // 2
        while True:
            ids = self._ids([*system, *rest], tools, brief)
            if len(ids) <= room:
                return ids
            if len(rest) > 1:
                rest = rest[_next_start(rest) :]
            elif any(len(str(m.text)) > CUT for m in [*system, *rest]):
                system, rest = ([_halved(m) for m in part] for part in (system, rest))
            else:
                raise PlannerFailed(
                    f"The tools alone fill the model's window of {self._window:,} tokens.",
                    "Take a model with a longer context, or use --planner guided.",
                )

    def _ids(
        self, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]], brief: bool = False
    ) -> list[int]:
        text = render(self._tokenizer, messages, tools, brief=brief)
        made: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return made


def _next_start(messages: Sequence[BaseMessage]) -> int:
    """How many of the oldest messages to drop: a tool's reply goes with its call."""
    return next((i for i in range(1, len(messages)) if messages[i].type != "tool"), len(messages) - 1)


def _halved(message: BaseMessage) -> BaseMessage:
    text = str(message.text)
    if len(text) <= CUT:
        return message
    keep = max(len(text) // 4, CUT // 2 - 2)
    return message.model_copy(update={"content": text[:keep] + "\n…\n" + text[-keep:]})


def _unique(calls: Sequence[Any], prompt: Sequence[int]) -> list[Any]:
    """Calls with ids that no earlier call of the conversation has."""
    return [{**c, "id": f"{c['id']}-{len(prompt)}"} for c in calls]


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """The ids that end an answer, by the model's own account and the tokenizer's."""
    said = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    listed = said if isinstance(said, list) else [said]
    return [int(i) for i in (*listed, tokenizer.eos_token_id) if i is not None]


def local_planner(name: str, *, device: str = "cpu", progress: Any = None) -> LocalPlanner:
    """The chat model in the folder ``name``, or in the GGUF file ``name``.

    ``FAILSIGHT_MODEL_TIMEOUT`` (seconds of an answer) and ``FAILSIGHT_MODEL_ANSWER`` (tokens of an answer) bound it.

    Raises:
        UserError: there is no such folder, or what is in it can't be used, in one sentence.
    """
    path = Path(name).expanduser()
    if not name or not path.exists():
        raise UserError(
            f"There is no model {clean(name, 200) or 'named'}.",
            "Write --planner local:FOLDER, a folder with config.json, a tokenizer and safetensors.",
        )
    folder, given = path, {}
    if path.suffix.lower() == ".gguf":
        _need_gguf()
        folder, given = path.parent, {"gguf_file": path.name}
    else:
        _check_folder(path)
    model, tokenizer = _load(folder, given, device)
    window = int(getattr(model.config, "max_position_embeddings", 0) or WINDOW)
    if window < SHORTEST:
        raise UserError(
            f"The model in {path} reads {window:,} tokens at a time, which is too few for a case.",
            "Take a chat model with a longer context.",
        )
    answer = max(int(setting("FAILSIGHT_MODEL_ANSWER", ANSWER)), RESERVE + 32)
    seconds = setting("FAILSIGHT_MODEL_TIMEOUT", TIMEOUT)
    return LocalPlanner(model, tokenizer, progress=progress, answer=min(answer, window // 2), seconds=seconds)


def _check_folder(path: Path) -> None:
    if not (path / "config.json").is_file():
        raise UserError(
            f"{path} holds no model (there is no config.json).",
            "Give the folder of a transformers chat model.",
        )
    if not any(path.glob("*.safetensors")):
        raise UserError(
            f"{path} holds no safetensors; other weights can run code when they are read.",
            "Save the model as safetensors first.",
        )
    try:
        about = json.loads((path / "config.json").read_text("utf-8"))
        kind = about.get("model_type")
    except (OSError, ValueError, AttributeError):
        kind = None
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise UserError(
            f"The model in {path} is no language model that transformers knows ({clean(kind, 60)}).",
            "Code that comes with a model is not run; take another one.",
        )


def _need_gguf() -> None:
    from importlib.util import find_spec

    missing = [p for p in ("gguf", "accelerate") if find_spec(p) is None]
    if missing:
        raise UserError(
            f"GGUF files need the packages gguf and accelerate ({missing[0]} is missing).", _INSTALL
        )


def _load(folder: Path, given: Mapping[str, str], device: str) -> tuple[Any, Any]:
    """Model and tokenizer. Whatever goes wrong in reading them becomes one sentence."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rules = {"local_files_only": True, "trust_remote_code": False, **given}
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the library's own progress bars
            tokenizer = AutoTokenizer.from_pretrained(folder, **rules)
            model, report = AutoModelForCausalLM.from_pretrained(
                folder, **rules, output_loading_info=True, use_safetensors=None if given else True,
                dtype=torch.float32 if device == "cpu" else "auto",
            )  # fmt: skip
        lacking = sorted(report.get("missing_keys", ()))
        if lacking:  # they would be random numbers
            raise ValueError(f"its weights lack {len(lacking)} tensors, such as {lacking[0]}")
        return model.to(device), tokenizer
    except Exception as error:
        told = clean(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__, 200)
        raise UserError(f"The model in {folder} can't be read: {told}", "Check the folder.") from error
