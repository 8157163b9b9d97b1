"""What the API says in English has words on the page: refusals and findings, in each language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.ui.words.phrases import PHRASES, SLOT, patterns, worded

ROOT = Path(__file__).parents[2]
SAID = (
    "twin/units.py",
    "twin/line/*.py",
    "scenarios/whatif/changes.py",
    "scenarios/whatif/events.py",
    "scenarios/whatif/scenario.py",
    "scenarios/whatif/adaptation.py",
    "scenarios/whatif/workbook.py",
    "scenarios/schedule/locking.py",
    "scenarios/schedule/from_line.py",
    "api/b2mml.py",
    "api/exports.py",
    "api/guard.py",
    "api/kept.py",
    "api/limits.py",
    "api/past.py",
    "api/problems.py",
    "api/site.py",
    "api/tokens.py",
    "api/jobs/manager.py",
    "api/jobs/process.py",
    "api/routes/*.py",
    "api/schemas/*.py",
)
"""Files whose words a planner may be shown. Those of commands and settings stay in English."""
ELSEWHERE = {"twin/line/files.py", "twin/line/reading.py", "twin/line/line.py"}
"""What reads line files in YAML: over the page lines come in as workbooks."""
SAYS = {
    "ChangeError", "Finding", "FieldProblem", "ProblemType", "RefusalError", "ValueError",
    "WorkerDiedError", "_tell", "add", "invalid",
}  # fmt: skip
"""Calls whose arguments are shown to people."""
UNSAID = re.compile(r"[\w.{}!/:\-]*|\{\}( is| \{\}|, \{\})*( \{\})?|Bearer realm=.*")
"""Names of fields, cells and the like, and what is nothing but slots."""


def sayings(path: Path) -> Iterator[str]:
    """Yield what a file says to people, with a slot for each value."""
    for scope in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            continue
        known = {} if isinstance(scope, ast.Module) else _named(scope)
        for call in ast.walk(scope):
            if isinstance(call, ast.Call) and _called(call) in SAYS:
                for given in (*call.args, *(keyword.value for keyword in call.keywords)):
                    if not isinstance(scope, ast.Module) or not isinstance(given, ast.Name):
                        yield from _texts(given, known)


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _named(scope: ast.AST) -> dict[str, list[str]]:
    """Return the texts that names stand for inside a function."""
    found: dict[str, list[str]] = {}
    for step in ast.walk(scope):
        if isinstance(step, ast.Assign):
            for target in step.targets:
                pairs = [(target, step.value)]
                if isinstance(target, ast.Tuple) and isinstance(step.value, ast.Tuple):
                    pairs = list(zip(target.elts, step.value.elts, strict=False))
                for name, value in pairs:
                    if isinstance(name, ast.Name):
                        found.setdefault(name.id, []).extend(_texts(value, {}))
    return found


def _texts(node: ast.expr, known: dict[str, list[str]]) -> list[str]:
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(p.value) if isinstance(p, ast.Constant) else SLOT for p in node.values)]
    if isinstance(node, ast.IfExp):
        return _texts(node.body, known) + _texts(node.orelse, known)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _texts(node.left, known) or [SLOT], _texts(node.right, known) or [SLOT]
        return [a + b for a in left for b in right]
    return known.get(node.id, []) if isinstance(node, ast.Name) else []


def files() -> list[Path]:
    """Return the files whose words the page may show."""
    found = [path for pattern in SAID for path in sorted(ROOT.glob(pattern))]
    assert len(found) > 60
    return [path for path in found if str(path.relative_to(ROOT)) not in ELSEWHERE]


@pytest.mark.parametrize("language", sorted(PHRASES))
def test_all_that_is_said_has_words(language: str) -> None:
    """No refusal or finding that the page can show stays in English."""
    said = {
        text.replace("\n", " "): str(path.relative_to(ROOT))
        for path in files()
        for text in sayings(path)
        if not UNSAID.fullmatch(text)
    }
    assert len(said) > 250
    known = PHRASES[language]
    bare = {
        text: path
        for text, path in said.items()
        if text not in known and worded(text, language) == text
    }
    assert bare == {}


@pytest.mark.parametrize("language", sorted(PHRASES))
def test_words_take_every_slot_once(language: str) -> None:
    """What differs from case to case is told in the other language too."""
    for text, words in PHRASES[language].items():
        taken = re.findall(r"\{(\d*)\}", words)
        numbers = [int(at) for at in taken if at] or list(range(len(taken)))
        assert sorted(numbers) == list(range(text.count(SLOT))), text
    assert len(patterns(language)) == len(PHRASES[language])


def test_reasons_inside_of_reasons_are_worded() -> None:
    """A slot may hold a saying of its own; what nobody knows stays, also inside of quotes."""
    assert worded("there is no line 'none'", "th") == "ไม่มีสายการผลิต 'none'"
    assert worded("2 of crew 'crew' cannot be away", "th") == "ทีม 'crew' ขาด 2 คนไม่ได้"
    both = "stopped on request, with the best schedule so far; odd words"
    assert worded(both, "th") == "หยุดตามคำขอ แสดงแผนที่ดีที่สุดจนถึงตอนนั้น; odd words"
    assert worded("is empty", "en") == "is empty"
