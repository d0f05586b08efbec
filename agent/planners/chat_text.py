"""A conversation as the text that a local model was trained to go on from: its chat template, or the plainest form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from failsight.agent.planners.calls import CLOSE, OPEN

DESCRIBED = 160  # characters of a tool's description, where the template leaves the tools to us
BRIEFLY = 60  # the same where the window is too small for that


def render(
    tokenizer: Any, messages: Sequence[Any], tools: Sequence[Mapping[str, Any]], *, brief: bool = False
) -> str:
    """The prompt, from the richest form that the tokenizer's template takes.

    In order: the template with its own way of telling tools; the template with the tools described in the system
    prompt; the same without a system role; no template at all. ``brief``: tools with their required arguments and a
    few words, for small windows.
    """
    plain = _plain(messages, tools, brief)
    if not getattr(tokenizer, "chat_template", None):
        return _bare(plain)
    forms: list[tuple[list[dict[str, Any]], list[dict[str, Any]] | None]] = [
        (plain, None),
        (_no_system(plain), None),
    ]
    if tools and not brief and "tools" in str(tokenizer.chat_template):
        forms.insert(0, (_rich(messages), [dict(t) for t in tools]))
    for turns, given in forms:
        try:
            made = tokenizer.apply_chat_template(
                turns, tools=given, add_generation_prompt=True, tokenize=False
            )
            return str(made)
        except Exception:  # noqa: S112 (templates raise whatever they like at roles they do not know)
            continue
    return _bare(plain)


def _rich(messages: Sequence[Any]) -> list[dict[str, Any]]:
    """Messages in the form of the templates that know tools."""
    made: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        turn: dict[str, Any] = {"role": _role(message), "content": str(message.text)}
        calls = getattr(message, "tool_calls", None) or ()
        if calls:
            turn["tool_calls"] = [
                {"type": "function", "id": c["id"], "function": {"name": c["name"], "arguments": c["args"]}}
                for c in calls
            ]
            names |= {c["id"]: c["name"] for c in calls}
        if turn["role"] == "tool":
            turn |= {"name": names.get(message.tool_call_id, ""), "tool_call_id": message.tool_call_id}
        made.append(turn)
    return made


def _plain(messages: Sequence[Any], tools: Sequence[Mapping[str, Any]], brief: bool) -> list[dict[str, Any]]:
    """Messages for templates that know no tools: system first, then person and assistant in turns."""
    system = [str(m.text) for m in messages if m.type == "system"]
    if tools:
        system.append(describe(tools, brief=brief))
    made = [{"role": "system", "content": "\n\n".join(system)}] if system else []
    for message in messages:
        role, content = _role(message), str(message.text)
        if role == "system":
            continue
        for call in getattr(message, "tool_calls", None) or ():
            told = json.dumps({"name": call["name"], "arguments": call["args"]}, ensure_ascii=False)
            content += f"\n{OPEN}{told}{CLOSE}"
        if role == "tool":
            role, content = "user", f"<tool_response>\n{content}\n</tool_response>"
        if made and made[-1]["role"] == role:
            made[-1]["content"] += "\n\n" + content.strip()
        else:
            made.append({"role": role, "content": content.strip()})
    return made


def _no_system(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The system prompt as the beginning of the person's first words."""
    if not turns or turns[0]["role"] != "system":
        return turns
    told, rest = turns[0]["content"], turns[1:]
    if rest and rest[0]["role"] == "user":
        return [{"role": "user", "content": told + "\n\n" + rest[0]["content"]}, *rest[1:]]
    return [{"role": "user", "content": told}, *rest]


def _bare(turns: Sequence[Mapping[str, Any]]) -> str:
    return "".join(f"{t['role']}: {t['content']}\n\n" for t in turns) + "assistant:"


def _role(message: Any) -> str:
    return {"human": "user", "ai": "assistant"}.get(message.type, str(message.type))


def describe(tools: Sequence[Mapping[str, Any]], *, brief: bool = False) -> str:
    """The tools and the form of a call, for models whose template says nothing of tools, or has no room for all of it."""
    from importlib.resources import files

    lines = []
    for item in tools:
        function = item["function"]
        given = function.get("parameters", {}).get("properties", {})
        required = function.get("parameters", {}).get("required", ())
        told = {n: s for n, s in given.items() if n in required or not brief}
        arguments = ", ".join(_argument(name, schema, name in required) for name, schema in told.items())
        words = function.get("description", "")[: BRIEFLY if brief else DESCRIBED]
        lines.append(f"- {function['name']}({arguments}): {words}")
    text = files("failsight.prompts").joinpath("local.md").read_text("utf-8")
    return text.format(tools="\n".join(lines)).strip()


def _argument(name: str, schema: Mapping[str, Any], required: bool) -> str:
    kinds = [s for s in schema.get("anyOf", [schema]) if s.get("type") != "null"]
    kind = kinds[0] if kinds else {}
    told = "|".join(map(str, kind["enum"])) if "enum" in kind else str(kind.get("type", "any"))
    return f"{name}: {told}" + ("" if required else f" = {json.dumps(schema.get('default'))}")
