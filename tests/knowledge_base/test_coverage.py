"""No question without an answer, and an answer that is what it claims to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from failsight.knowledge_base import load
from failsight.knowledge_base.coverage import answer, installed_tools, main, table
from failsight.knowledge_base.elicitation import forms


def test_no_question_is_without_a_tool_or_a_form() -> None:
    tools = installed_tools()
    for question in load().of_kind("question"):
        made = answer(question, tools)
        assert made.tools or made.form in forms(), question.id
    assert "**0 not answered**" in table(tools)


def test_even_without_any_tool_the_table_tells_the_truth() -> None:
    bare = table(())
    unanswered = [q.id for q in load().of_kind("question") if not q.extra.get("form")]
    assert bare.count("**not answered** |") == len(unanswered) > 0


def test_what_a_question_calls_in_full_is_declared_by_the_tool() -> None:
    from failsight.tools.registry import registry

    for question in load().of_kind("question"):
        for call in question.extra["calls"]:
            spec = dict(registry()).get(call["tool"])
            if spec is not None and not call.get("partly"):
                assert question.id in spec.answers, (question.id, call["tool"])


def test_the_command_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "docs" / "coverage.md"
    assert main([str(file)]) == 0
    assert main(["--check", str(file)]) == 0
    file.write_text(file.read_text() + "x")
    assert main(["--check", str(file)]) == 1
    assert "out of date" in capsys.readouterr().err


def test_importing_the_knowledge_base_is_light() -> None:
    heavy = ("chromadb", "onnxruntime", "torch", "transformers", "scipy", "numpy", "langchain")
    code = f"import sys, failsight.knowledge_base; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_asking_loads_neither_torch_nor_chromadb() -> None:
    code = (
        "import sys; from failsight.knowledge_base import ask; ask('how accurate is the model');"
        "print([m for m in ('chromadb', 'torch', 'transformers', 'scipy', 'langchain') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
