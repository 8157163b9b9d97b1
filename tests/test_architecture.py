"""The house keeps its shape: floors, cycles, sizes, forbidden imports, clean text.

To place a new module, add one row to `FLOORS`. The longest matching name decides, so a row for
`twin.engine` covers `twin.engine.reference.settle`.
"""

import ast
import importlib
import inspect
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("twin", "scenarios", "api")

# Who may import whom: a unit imports units on lower floors and those of its own floor that its row
# names. Height, unit, siblings it may know.
FLOORS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    # 8: who asks
    (10, "api.audit", ()),
    (10, "api.backup", ("api.site",)),
    (10, "api.app", ("api.routes", "api.site", "api.ui")),
    (10, "api.cli", ("api.app", "api.commands", "api.demo")),
    (
        10,
        "api.commands",
        (
            "api.app",
            "api.audit",
            "api.backup",
            "api.demo",
            "api.kept",
            "api.mirrors",
            "api.server",
            "api.site",
            "api.sites",
        ),
    ),
    (10, "api.demo", ("api.app", "api.mirrors", "api.server")),
    (10, "api.__main__", ("api.cli",)),
    (10, "api.exports", ("api.kpis",)),
    (10, "api.kept", ()),
    (10, "api.kpis", ()),
    (10, "api.mirrors", ()),
    (10, "api.past", ()),
    (10, "api.routes", ("api.exports", "api.kept", "api.kpis", "api.past", "api.site")),
    (10, "api.server", ("api.app", "api.site")),
    (10, "api.site", ()),
    (10, "api.sites", ()),
    (10, "api.ui", ()),
    # 7: what the questions stand on; shapes, refusals and settings lie below the parts that work
    (9, "api.access", ("api.tokens",)),
    (9, "api.b2mml", ()),
    (9, "api.etags", ()),
    (9, "api.events", ()),
    (9, "api.futures", ()),
    (9, "api.guard", ("api.access", "api.limits", "api.metrics")),
    (9, "api.jobs", ("api.store",)),
    (9, "api.limits", ()),
    (9, "api.live", ()),
    (9, "api.logs", ()),
    (9, "api.metrics", ()),
    (9, "api.orders", ("api.live", "api.store")),
    (9, "api.states", ("api.etags", "api.live")),
    (9, "api.store", ()),
    (9, "api.tokens", ()),
    (9, "api.webhooks", ("api.store",)),
    (8, "api.keys", ()),
    (8, "api.problems", ("api.schemas",)),
    (8, "api.schemas", ("api.keys",)),
    (8, "api.settings", ()),
    # 6, 5: what the line could and should do
    (7, "scenarios.forecast", ()),
    (7, "scenarios.schedule", ()),
    (6, "scenarios.synthetic", ("scenarios.whatif",)),
    (6, "scenarios.whatif", ()),
    # 4 to 0: what the line is, was and does
    (5, "twin.calibration", ()),
    (5, "twin.emulator", ("twin.signals",)),
    (5, "twin.signals", ()),
    (5, "twin.testing", ()),
    (4, "twin.engine", ()),
    (4, "twin.history", ()),
    (4, "twin.sync", ()),
    (3, "twin.kpi", ()),
    (2, "twin.events", ()),
    (1, "twin.line", ()),
    (0, "twin.plugins", ("twin.errors", "twin.units")),
    (0, "twin.units", ("twin.errors",)),
    (0, "twin.errors", ()),
)

# Where a library may be imported; everywhere else it is out of bounds. () means nowhere.
CONFINED: dict[str, tuple[str, ...]] = {
    # unsafe or unportable on disk
    "cloudpickle": (),
    "dill": (),
    "marshal": (),
    "pickle": (),
    "shelve": (),
    # global random state; generators are passed
    "random": (),
    # asyncio and httpx serve; a second client library does not
    "requests": (),
    "urllib3": (),
    # nothing that simulates may know that a screen exists
    "fastapi": ("api",),
    "jinja2": ("api",),
    "rich": ("api",),
    "starlette": ("api",),
    "typer": ("api",),
    "uvicorn": ("api",),
    "vl_convert": ("api",),
}
NUMPY_RANDOM = {"BitGenerator", "Generator", "PCG64", "Philox", "SeedSequence", "default_rng"}

LONGEST_FUNCTION = 60  # lines from the first statement after the docstring to the last
LONGEST_FILE = 450
# Path, or path::qualified.name of a function -> why it is longer. Aim at 50 and 300 all the same.
LONG_FOR_A_REASON: dict[str, str] = {
    "twin/events/condition.py": "what the fold knows of parts, modes, wear, stations and orders",
    "twin/engine/compiled/tables.py": "one line for each field of the kernel's memory",
}

# Hosts that hand out packages, in parts, so that this file does not name them.
PACKAGE_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("yarnpkg", "com"),
        ("jsdelivr", "net"),
        ("unpkg", "com"),
        ("cdnjs", "cloudflare", "com"),
        ("googleapis", "com"),
        ("deb", "debian", "org"),
        ("conda", "anaconda", "org"),
    )
)
MACHINE_PATH = re.compile(r"(?<![\w.~/$}*-])/(?:home|Users|root|work)/[\w.-]+")


class Module(NamedTuple):
    """A source file and what it imports."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Say whether this is the `__init__` of a package."""
        return self.path.name == "__init__.py"


class Import(NamedTuple):
    """One import statement's target, as a dotted name."""

    target: str
    line: int
    at_module_level: bool


@cache
def modules() -> dict[str, Module]:
    """Return every module of the three packages by dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            source = path.read_text(encoding="utf-8")
            found[name] = Module(name, path, ast.parse(source, filename=str(path)))
    return found


def where(module: Module, line: int) -> str:
    """Return `path:line`, which editors open."""
    return f"{module.path.relative_to(ROOT)}:{line}"


def is_type_checking(test: ast.expr) -> bool:
    """Say whether a condition is `TYPE_CHECKING`."""
    return "TYPE_CHECKING" in {
        node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
        for node in ast.walk(test)
    }


def import_statements(
    node: ast.AST, *, at_module_level: bool = True
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Yield each import below a node, and whether it runs when the module is loaded."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, at_module_level
            continue
        deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(child, ast.If) and is_type_checking(child.test)
        )
        yield from import_statements(child, at_module_level=at_module_level and not deferred)


def imports_of(module: Module) -> Iterator[Import]:
    """Yield what a module imports; `from a import b` is `a.b` where that is a module."""
    for statement, at_module_level in import_statements(module.tree):
        if isinstance(statement, ast.Import):
            targets = {alias.name for alias in statement.names}
        else:
            base = statement.module or ""
            whole = {f"{base}.{alias.name}" for alias in statement.names}
            targets = {name if name in modules() else base for name in whole}
        for target in sorted(targets):
            yield Import(target, statement.lineno, at_module_level)


def unit_of(name: str) -> tuple[int, str, tuple[str, ...]] | None:
    """Return the row of `FLOORS` a module belongs to, or None."""
    rows = [row for row in FLOORS if name == row[1] or name.startswith(f"{row[1]}.")]
    return max(rows, key=lambda row: len(row[1]), default=None)


def floor_error(module: Module, found: Import) -> str | None:
    """Say what is wrong with an import inside the house, or None."""
    package, target_package = module.name.partition(".")[0], found.target.partition(".")[0]
    if target_package not in PACKAGES or module.name in PACKAGES:
        return None
    at = f"{where(module, found.line)} imports {found.target}"
    if found.target in PACKAGES:
        if package != target_package and PACKAGES.index(target_package) < PACKAGES.index(package):
            return None
        return f"{at}: name the module that defines it, not the package top"
    own, other = unit_of(module.name), unit_of(found.target)
    if own is None or other is None or own[1] == other[1]:
        return None  # an unplaced module is its own test's finding
    if other[0] < own[0] or other[1] in own[2]:
        return None
    direction = "upwards" if other[0] > own[0] else "a sibling it does not know"
    return f"{at}: {direction}. Move the shared part down, or pass it in"


def test_table_of_floors_is_itself_sound() -> None:
    """Siblings that may know each other stand on one floor and never in a circle."""
    height = {unit: floor for floor, unit, _ in FLOORS}
    for floor, unit, siblings in FLOORS:
        for sibling in siblings:
            assert height[sibling] == floor, f"{unit} and {sibling} are on different floors"
    graph = {unit: set(siblings) for _, unit, siblings in FLOORS}
    assert find_cycle(graph) is None


def test_every_module_has_a_floor() -> None:
    """A new module is placed in `FLOORS` before anything imports it."""
    homeless = [
        where(module, 1)
        for name, module in modules().items()
        if name not in PACKAGES and unit_of(name) is None
    ]
    assert not homeless, f"add a row to FLOORS in tests/test_architecture.py for: {homeless}"


def test_imports_go_down_only() -> None:
    """`twin` knows nobody above it, `scenarios` knows `twin`, `api` knows both; floors hold."""
    errors = [
        error
        for module in modules().values()
        for found in imports_of(module)
        if (error := floor_error(module, found))
    ]
    assert not errors, "\n".join(["imports against the floors:", *errors])


def test_imports_are_absolute() -> None:
    """A reader sees at once where a name comes from."""
    relative = [
        where(module, statement.lineno)
        for module in modules().values()
        for statement, _ in import_statements(module.tree)
        if isinstance(statement, ast.ImportFrom) and statement.level > 0
    ]
    assert not relative, f"relative imports: {relative}"


def find_cycle(graph: dict[str, set[str]]) -> list[str] | None:
    """Return the nodes of one cycle of a directed graph, or None."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        for target in sorted(graph.get(node, ())):
            if cycle := visit(target, [*path, node]):
                return cycle
        done.add(node)
        return None

    return next((cycle for node in sorted(graph) if (cycle := visit(node, []))), None)


def test_no_import_cycle() -> None:
    """Loading any module first works: at module level nobody imports in a circle."""
    graph = {
        name: {found.target for found in imports_of(module) if found.at_module_level} - {name}
        for name, module in modules().items()
    }
    cycle = find_cycle(graph)
    assert cycle is None, f"import cycle: {' -> '.join(cycle or [])}"


def test_find_cycle_finds_one() -> None:
    """The search behind the cycle test sees a circle and is not fooled by a diamond."""
    assert find_cycle({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}}) is None
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_floor_rules_see_a_wrong_import() -> None:
    """The rules refuse upward, sibling and package-top imports, in functions too."""
    source = (
        "from twin.events.log import EventLog\n"
        "from twin.sync.mirror import Mirror\n"
        "from twin import simulate\n"
        "def late():\n    import api.app\n"
    )
    wrong = Module("twin.engine.made_up", ROOT / "twin/engine/made_up.py", ast.parse(source))
    errors = [floor_error(wrong, found) for found in imports_of(wrong)]
    assert [error is None for error in errors] == [True, False, False, False]


def test_charts_are_imported_by_nobody_in_their_wing() -> None:
    """A wing computes without drawing; only its package top and floors above ask for charts."""
    errors = [
        f"{where(module, found.line)} imports {found.target}"
        for module in modules().values()
        for found in imports_of(module)
        if found.target.endswith(".charts")
        and not module.is_package
        and module.name.startswith(found.target.removesuffix("charts"))
    ]
    assert not errors, errors


def test_confined_libraries_stay_in_their_place() -> None:
    """No pickle, no global random state, no second HTTP client, no screen below `api`."""
    errors = [
        f"{where(module, found.line)} imports {top}"
        for module in modules().values()
        for found in imports_of(module)
        if (top := found.target.partition(".")[0]) in CONFINED
        and module.name.partition(".")[0] not in CONFINED[top]
    ]
    assert not errors, errors


def test_charts_library_is_imported_by_charts_only() -> None:
    """Below `api`, Altair is known to modules named `charts`."""
    errors = [
        where(module, found.line)
        for module in modules().values()
        for found in imports_of(module)
        if found.target.partition(".")[0] == "altair"
        and not module.name.startswith("api.")
        and not module.name.endswith(".charts")
    ]
    assert not errors, errors


def test_no_global_random_state() -> None:
    """Of numpy.random only generators are used; a seed set globally would outlive its run."""
    errors = [
        f"{where(module, node.lineno)} uses numpy.random.{node.attr}"
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in {"np.random", "numpy.random"}
        and node.attr not in NUMPY_RANDOM
    ]
    assert not errors, errors


def functions_of(
    node: ast.AST, prefix: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield each function below a node with its qualified name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{child.name}", child
            yield from functions_of(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from functions_of(child, f"{prefix}{child.name}.")
        else:
            yield from functions_of(child, prefix)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines from the first statement after the docstring to the last."""
    statements = function.body
    if ast.get_docstring(function, clean=False) is not None:
        statements = statements[1:]
    return (function.end_lineno or 0) - statements[0].lineno + 1 if statements else 0


@cache
def oversized() -> dict[str, int]:
    """Return the lines of each file and function beyond the walls."""
    found = {}
    for module in modules().values():
        path = module.path.relative_to(ROOT).as_posix()
        file_lines = len(module.path.read_text(encoding="utf-8").splitlines())
        if file_lines > LONGEST_FILE:
            found[path] = file_lines
        for name, function in functions_of(module.tree):
            if (lines := body_lines(function)) > LONGEST_FUNCTION:
                found[f"{path}::{name}"] = lines
    return found


def test_files_and_functions_stay_small() -> None:
    """Beyond the walls a file or function needs a reason in `LONG_FOR_A_REASON`."""
    errors = {name: lines for name, lines in oversized().items() if name not in LONG_FOR_A_REASON}
    assert not errors, f"too long (lines); split by thought, or give a reason: {errors}"


def test_reasons_for_length_are_still_needed() -> None:
    """An entry whose file or function became small, or went away, is removed."""
    stale = sorted(set(LONG_FOR_A_REASON) - set(oversized()))
    assert not stale, f"remove from LONG_FOR_A_REASON: {stale}"


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_documented(package: str) -> None:
    """Each name of a package's `__all__` can be had and says what it is."""
    if not (ROOT / package / "__init__.py").exists():
        pytest.skip(f"{package} is not written yet")
    module = importlib.import_module(package)
    bare = []
    for name in getattr(module, "__all__", ()):
        try:
            thing = getattr(module, name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in PACKAGES:
                raise
            pytest.skip(f"{package}.{name} needs {error.name}, which is not written yet")
        if not (inspect.isclass(thing) or inspect.isroutine(thing)):
            continue
        text = thing.__doc__ or ""
        # A dataclass without a docstring is given its signature as one.
        if len(text.strip()) == 0 or text.startswith(f"{name}("):
            bare.append(name)
    assert not bare, f"public names of {package} without a docstring: {bare}"


@cache
def text_files() -> dict[str, str]:
    """Return path and text of every file git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    found = {}
    for name in sorted(set(listed.stdout.decode().split("\0")) - {""}):
        path = ROOT / name
        try:
            found[name] = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return found


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Return `path:line: match` for each match of a pattern in the tracked text."""
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, text in text_files().items()
        for match in pattern.finditer(text)
    ]


def test_no_file_names_a_machine_path() -> None:
    """The project runs anywhere: no path of somebody's machine stands in it."""
    assert MACHINE_PATH.search("see /" + "home/me/line.yaml")
    found = lines_with(MACHINE_PATH)
    assert not found, f"paths of one machine: {found[:10]}"


def test_no_file_names_a_package_host() -> None:
    """Where packages come from is each site's own matter, and the page loads nothing from afar."""
    found = lines_with(re.compile("|".join(re.escape(host) for host in PACKAGE_HOSTS)))
    assert not found, f"package hosts: {found[:10]}"
