"""A language model on this machine: its tool calls are valid whatever it would like to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from failsight.agent.bindings import bind
from failsight.agent.events import Notice, PlannerSaid
from failsight.agent.planners import grammar, make_planner
from failsight.agent.planners.calls import read_answer
from failsight.agent.planners.chat_text import render
from failsight.agent.planners.decoding import RESERVE, Choice, Vocabulary, repeated
from failsight.agent.planners.local import LocalPlanner, local_planner
from failsight.agent.planners.server_errors import PlannerFailed
from failsight.agent.progress import Cancellable, Cancelled
from failsight.agent.session import Session
from failsight.tools.errors import UserError
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase, television_world
from tests.fakes.language_model import tiny_folder, tiny_model, tiny_tokenizer

SCHEMAS = {s.name: s.arguments.model_json_schema() for s in registry().values()}
TEXTS = [*SCHEMAS, json.dumps(SCHEMAS), '<tool_call>{"name": "evaluate", "arguments": {}}</tool_call>']


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer(TEXTS)


@pytest.fixture(scope="module")
def tools() -> list[dict[str, Any]]:
    class Nothing:  # binding asks nothing of the case
        pass

    return [convert_to_openai_tool(t) for t in bind(Nothing())]  # type: ignore[arg-type]


def planner(tokenizer: Any, seed: int = 0, **given: Any) -> LocalPlanner:
    window = given.pop("window", 4096)
    return LocalPlanner(tiny_model(len(tokenizer), seed=seed, window=window), tokenizer, **given)


def accepts(schema: dict[str, Any], text: str) -> bool:
    state = ((*grammar.value(schema, schema), grammar.Literal(b"!")),)
    return grammar.whole(grammar.run(state, text.encode() + b"!"))


# --- what can be read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "evaluate", "arguments": {"split": "data"}}</tool_call>',
        '<tool_call>\n{"name": "evaluate", "arguments": {"split": "data"}}\n</tool_call>',
        '{"name": "evaluate", "parameters": {"split": "data"}}',
        '<|python_tag|>{"name": "evaluate", "parameters": {"split": "data"}}',
        '[TOOL_CALLS] [{"name": "evaluate", "arguments": {"split": "data"}}]',
        '```json\n{"name": "evaluate", "arguments": {"split": "data"}}\n```',
        '{"type": "function", "function": {"name": "evaluate", "arguments": "{\\"split\\": \\"data\\"}"}}',
    ],
)
def test_the_common_forms_of_a_call_are_read(text: str) -> None:
    words, calls, bad = read_answer(text)
    assert (words, bad) == ("", [])
    assert [(c["name"], c["args"]) for c in calls] == [("evaluate", {"split": "data"})]


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "evaluate", "arguments": {"split": "da',
        '<tool_call>{"name": "evaluate", "arguments": {}}',
        '<tool_call>{"name": "evaluate", "arguments": []}</tool_call>',
        '<tool_call>{"name": "evaluate", "arguments": {}, "run": true}</tool_call>',
        '<tool_call>{"name": "evaluate", "name": "shift", "arguments": {}}</tool_call>',
        '<tool_call>{"name": 3, "arguments": {}}</tool_call>',
        '<tool_call>{"name": "find_slices", "arguments": {"q": NaN}}</tool_call>',
        '<tool_call>evaluate()</tool_call>',
        '<tool_call></tool_call>',
        '{"name": "evaluate", "arguments": {}} and then some',
        "<|python_tag|>import os; os.system('ls')",
        "[TOOL_CALLS] []",
        "<tool_call>" + "[" * 5000 + "</tool_call>",
    ],
)  # fmt: skip
def test_what_is_not_quite_a_call_is_an_invalid_one(text: str) -> None:
    _, calls, bad = read_answer(text)
    assert not calls
    assert len(bad) == 1
    assert len(bad[0]["args"]) <= 2000


def test_words_stay_words_beside_calls_and_without() -> None:
    assert read_answer("It is the {television}.") == ("It is the {television}.", [], [])
    assert read_answer('{"a": 1}') == ('{"a": 1}', [], [])
    two = 'First. <tool_call>{"name": "a", "arguments": {}}</tool_call> <tool_call>{"name": "b"}</tool_call> Last.'
    words, calls, _ = read_answer(two)
    assert words == "First. Last."
    assert [c["name"] for c in calls] == ["a", "b"]
    assert len({c["id"] for c in calls}) == 2


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_reading_never_fails(text: str) -> None:
    read_answer("<tool_call>" + text)
    read_answer('{"name": ' + text)


# --- what may be written --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer", "minimum": 16, "maximum": 100}, ["16", "99", "100"], ["15", "2", "101", "1e3", "016", "16.0", "-20"]),
        ({"type": "integer"}, ["0", "-7", "123456789"], ["1234567890", "--1", "", "-", "1.5"]),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, ["0.05", "1", "1.0", "0.000001"], ["0", "0.0", "1.01", ".5", "-0.1", "1."]),
        ({"type": "number", "minimum": -0.5, "maximum": 0.5}, ["-0.5", "0", "0.25"], ["-0.6", "0.51", "3"]),
        ({"type": "string", "maxLength": 3, "minLength": 1}, ['"abc"', '"é"', '"日本語"', '"\\""'], ['""', '"abcd"', "abc", '"\n"', '"\\u0041"']),
        ({"enum": ["data", "train"]}, ['"data"', '"train"'], ['"pool"', "data", '"dat"']),
        ({"type": "boolean"}, ["true", "false"], ["True", "1", "null"]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, ['""', "null"], ["none", "1"]),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 2}, ['["a"]', '["a", "b"]', '["a","b"]'], ["[]", '["a","b","a"]', '["c"]', '["a",]']),
        ({"type": "object", "properties": {"k": {"type": "integer"}, "l": {"const": 1}}, "required": ["k"]}, ['{"k": 1}', '{"l": 1, "k": 2}'], ["{}", '{"l": 1}', '{"k": 1, "k": 2}', '{"k": 1,}', '{"m": 1}']),
        ({"$ref": "#/$defs/S", "$defs": {"S": {"enum": ["x"]}}}, ['"x"'], ['"y"']),
        ({}, ['"a"', "1.5", "true", "null"], ["{}", "[]"]),
    ],
)  # fmt: skip
def test_values_of_the_right_kind_fit_and_others_do_not(
    schema: dict[str, Any], good: list[str], bad: list[str]
) -> None:
    assert [g for g in good if not accepts(schema, g)] == []
    assert [b for b in bad if accepts(schema, b)] == []


@given(st.floats(-1, 1).map(lambda x: round(x, 6) + 0.0), st.floats(-1, 1), st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_bounds_of_numbers_hold_exactly(x: float, low: float, width: float) -> None:
    schema = {"type": "number", "minimum": low, "maximum": low + width}
    assert accepts(schema, f"{x:.6f}") == (low <= x <= low + width)


@given(st.binary(max_size=12))
@settings(max_examples=150, deadline=None)
def test_only_whole_characters_stand_in_a_string(raw: bytes) -> None:
    state = ((grammar.Text(50, 0), grammar.Literal(b"!")),)
    if grammar.whole(grammar.run(state, raw + b'"!')):
        json.loads(b'"' + raw + b'"')


def test_a_call_begins_at_a_marker_or_with_the_first_letter() -> None:
    begin = grammar.start(SCHEMAS)
    assert grammar.outside(grammar.run(begin, b"It costs {little} <tool"))
    assert not grammar.run(begin, b'I measure. <tool_call>{"name": "rm"')
    assert grammar.whole(
        grammar.run(begin, b'Now: <tool_call>\n{"name": "evaluate", "arguments": {}}\n</tool_call>')
    )
    assert grammar.whole(grammar.run(begin, b'{"name": "evaluate", "parameters": {"split": null}}'))
    assert not grammar.run(begin, b'{"name": "evaluate", "arguments": {"split": "moon"')
    assert grammar.run(begin, b"{", tight=True) == ()
    assert grammar.run(begin, b"<tool_call>", tight=True) == ()


def test_random_letters_become_valid_calls(tokenizer: Any) -> None:
    vocabulary = Vocabulary(tokenizer, [tokenizer.eos_token_id])
    generator = torch.Generator().manual_seed(0)
    names = set()
    for _ in range(60):
        choice, tokens = Choice(vocabulary, grammar.start(SCHEMAS, must_call=True)), []
        for left in range(RESERVE + 40, 0, -1):
            number = choice.next(torch.randn(len(tokenizer), generator=generator), left)
            assert number is not None
            tokens.append(number)
            if choice.done:
                break
        words, calls, bad = read_answer(vocabulary.text(tokens))
        assert (words, bad, len(calls)) == ("", [], 1), vocabulary.text(tokens)
        registry()[calls[0]["name"]].check(calls[0]["args"])
        names.add(calls[0]["name"])
    assert len(names) > 5


@pytest.mark.parametrize("seeds", [range(12), pytest.param(range(12, 72), marks=pytest.mark.slow)])
def test_a_random_model_makes_only_valid_calls(
    tokenizer: Any, tools: list[dict[str, Any]], seeds: range
) -> None:
    for seed in seeds:
        made = planner(tokenizer, seed, answer=RESERVE + 24).bind_tools(
            tools[seed % 11 :: 11], tool_choice="any"
        )
        answer = made.invoke([HumanMessage("What is wrong?")])
        assert answer.response_metadata["finish_reason"] == "call"
        assert not answer.invalid_tool_calls
        (call,) = answer.tool_calls
        registry()[call["name"]].check(call["args"])


def test_free_to_speak_a_random_model_still_makes_no_malformed_call(
    tokenizer: Any, tools: list[dict[str, Any]]
) -> None:
    for seed in range(4):
        made = planner(tokenizer, seed, answer=40).bind_tools(tools[:6])
        answer = made.invoke([HumanMessage("What is wrong?")])
        assert not answer.invalid_tool_calls


# --- the model -------------------------------------------------------------------------------------------------------


def test_answers_are_bounded_counted_and_the_same_again(tokenizer: Any) -> None:
    made = planner(tokenizer, answer=30)
    first, second = (made.invoke([HumanMessage("Hello")]) for _ in range(2))
    assert first.text == second.text
    assert 0 < first.usage_metadata["output_tokens"] <= 30
    assert first.usage_metadata["input_tokens"] > 5
    assert made.bind(stop=[first.text[:3]]).invoke([HumanMessage("Hello")]).text == ""


def test_the_cache_changes_nothing(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [HumanMessage("A question. " * 60)]
    whole = planner(tokenizer, answer=12).invoke(words).text
    monkeypatch.setattr("failsight.agent.planners.decoding.CHUNK", 7)
    assert planner(tokenizer, answer=12).invoke(words).text == whole


@pytest.mark.parametrize(
    ("tokens", "extra"),
    [([1] * 23, 0), ([9, *[1] * 24], 23), ([7, *[1, 2, 3, 4, 5, 6, 7] * 4], 21), ([*range(40)] * 4, 120), ([*range(41)] * 4, 0), ([*range(9)] * 3, 0), ([], 0)],
)  # fmt: skip
def test_words_that_go_in_circles_are_noticed(tokens: list[int], extra: int) -> None:
    assert repeated(tokens) == extra


def test_time_runs_out(tokenizer: Any) -> None:
    with pytest.raises(PlannerFailed, match="did not get through"):
        planner(tokenizer, seconds=-1.0).invoke([HumanMessage("Hello")])


def test_writing_can_be_interrupted(tokenizer: Any) -> None:
    progress = Cancellable()
    made = planner(tokenizer, progress=progress)
    progress.cancel()
    with pytest.raises(Cancelled):
        made.invoke([HumanMessage("Hello")])


def test_the_oldest_messages_give_way(tokenizer: Any) -> None:
    made = planner(tokenizer, window=1024, answer=200)
    long: list[Any] = [SystemMessage("SYSTEM " * 20)]
    for i in range(40):
        long += [HumanMessage(f"question {i} " * 10), AIMessage(f"answer {i} " * 10)]
    long.append(HumanMessage("the newest question"))
    ids = made._prompt(long, [])
    text = tokenizer.decode(ids)
    assert len(ids) <= 824
    assert "SYSTEM" in text
    assert "the newest question" in text
    assert "question 0 " not in text
    huge = [SystemMessage("S" * 50_000), HumanMessage("H" * 50_000)]
    assert len(made._prompt(huge, [])) <= 824
    assert made.conversation_tokens < 1024


def test_tools_that_fill_the_window_are_a_plain_failure(tokenizer: Any, tools: list[dict[str, Any]]) -> None:
    with pytest.raises(PlannerFailed, match="tools alone"):
        planner(tokenizer, window=1024, answer=200).bind_tools(tools).invoke([HumanMessage("Hello")])


def test_every_kind_of_template_gets_the_conversation(tools: list[dict[str, Any]]) -> None:
    talk = [
        SystemMessage("Be brief."), HumanMessage("How good?"),
        AIMessage("I look.", tool_calls=[{"name": "evaluate", "args": {"split": None}, "id": "1"}]),
        ToolMessage("right in 80.0 %", tool_call_id="1"),
    ]  # fmt: skip
    rich = "{% for t in tools %}TOOL {{ t.function.name }}\n{% endfor %}{% for m in messages %}{{ m.role }} {{ m.content }} {{ m.tool_calls | default('') }}\n{% endfor %}"
    no_system = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ m.role }} {{ m.content }}\n{% endfor %}"
    for template in (rich, no_system, None, "{{ raise_exception('never') }}"):
        made = tiny_tokenizer(TEXTS[:1], template=template, size=300)
        text = render(made, talk, tools)
        for part in ("Be brief.", "How good?", "evaluate", "right in 80.0 %"):
            assert part in text, template
    assert "TOOL evaluate" in render(tiny_tokenizer(TEXTS[:1], template=rich, size=300), talk, tools)


# --- folders and sessions ---------------------------------------------------------------------------------------------


def test_a_folder_drives_a_session(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "model", TEXTS, window=8192)
    table, model = television_world(60)
    case = FakeCase(tmp_path / "case", {"data": table}, model, planner=f"local:{folder}")
    made = make_planner(case.config.planner, case, "novice")
    made._answer = 24
    session = Session(case, planner=made)
    events = list(session.say("What is wrong with it?"))
    assert any(isinstance(e, PlannerSaid | Notice) for e in events)
    assert session.case.state().model_use["tokens"] > 100
    session.close()


def test_a_model_that_cannot_answer_hands_over_to_the_guided_planner(tmp_path: Path, tokenizer: Any) -> None:
    table, model = television_world(60)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    session = Session(case, planner=planner(tokenizer, seconds=-1.0, window=16_384))
    events = list(session.say("which classes are confused most?"))
    assert any(isinstance(e, Notice) and "guided planner goes on" in e.text for e in events)
    assert case.state().latest("confusion_matrix") is not None
    session.close()


def folder_with(tmp_path: Path, **files: str) -> Path:
    tmp_path.mkdir(exist_ok=True)
    for name, text in files.items():
        (tmp_path / name.replace("__", ".")).write_text(text)
    return tmp_path


def test_unsuitable_folders_are_one_plain_sentence(tmp_path: Path) -> None:
    llama = '{"model_type": "llama"}'
    cases = {
        "no model": tmp_path / "nothing",
        "no config.json": folder_with(tmp_path / "a", readme__txt="x"),
        "no safetensors": folder_with(tmp_path / "b", config__json=llama, pytorch_model__bin="x"),
        "no language model": folder_with(tmp_path / "c", config__json='{"model_type": "vit"}', model__safetensors="x"),
        "is no language model": folder_with(
            tmp_path / "d", config__json='{"model_type": "own", "auto_map": {"AutoConfig": "evil.C"}}',
            model__safetensors="x", evil__py="raise SystemExit",
        ),
        "can't be read": folder_with(tmp_path / "e", config__json=llama, model__safetensors="x"),
        "gguf|can't be read": folder_with(tmp_path / "f", model__gguf="x") / "model.gguf",
    }  # fmt: skip
    for words, path in cases.items():
        with pytest.raises(UserError, match=words) as caught:
            local_planner(str(path))
        assert "\n" not in str(caught.value)


def test_missing_weights_are_not_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tiny_folder(tmp_path / "m", TEXTS[:1])
    weights = load_file(folder / "model.safetensors")
    weights.pop("lm_head.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="lack 1 tensors"):
        local_planner(str(folder))


def test_a_short_window_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too few"):
        local_planner(str(tiny_folder(tmp_path / "m", TEXTS[:1], window=512)))
