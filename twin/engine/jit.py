"""How the compiled functions are compiled.

No function of ours makes an array, so none needs Numba's reference counts: without them a call
costs a tenth. Division by zero gives infinity, as in NumPy; both engines call the same functions,
so it is the same in both.

Numba finishes each function by itself: it links in all that the function calls, optimises the
whole, writes machine code, and does so again for each caller, one level up. Here an ``inner``
function stays a draft. The drafts are put together once, for the function that Python calls, and
optimised once, as private functions of one piece: quicker to compile, and the optimiser sees
everything. A draft is called with its arguments for its value, without Numba's status. ``inner``
functions are not cached by themselves; what is cached holds them. A function with one caller
becomes a part of it unless it is ``outlined`` or, if seldom called, set ``aside``: then what
happens always keeps its registers, and less has to be optimised. The same drafts make a ``common``
piece, in which it is known where everything is, and a ``lean`` one, in which fields that are nought
on most lines are known to be nought.
Whoever calls any of these from compiled code compiles with a decorator of this module: Numba's
own does not gather drafts.
"""

# Numba's compiler carries no annotations.
# mypy: disable-error-code="no-untyped-call, attr-defined, method-assign"

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from llvmlite.binding import parse_assembly
from numba import njit
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.typed_passes import (
    AnnotateTypes,
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.types import unliteral
from numba.core.untyped_passes import FixupArgs, IRProcessing, ReconstructSSA, TranslateByteCode

from twin.engine.drafts import (
    COMMON,
    FORM,
    LEAN,
    WHOLE,
    AsideDraft,
    Draft,
    DraftLowering,
    OutlinedDraft,
)

Function = TypeVar("Function", bound=Callable[..., Any])


class _Piece(JITCodeLibrary):
    """A function for Python with all drafts that it needs."""

    form = WHOLE

    def finalize(self) -> None:
        found: dict[int, Draft] = {}
        finished: list[Any] = []
        for library in self._linking_libraries:
            if isinstance(library, Draft):
                library.drafts(found)
            else:
                finished.append(library)
        for draft in found.values():
            finished += draft.others()
        self._linking_libraries = [*found.values(), *finished]
        self._private = {name for draft in found.values() for name in draft.names()}
        stays = OutlinedDraft if self.form == WHOLE else AsideDraft
        own = [draft for draft in found.values() if isinstance(draft, stays)]
        self._attributes = {name: draft.attributes for draft in own for name in draft.names()}
        super().finalize()

    def _optimize_final_module(self) -> None:
        said = parse_assembly(f"@{FORM} = constant i8 {self.form}")
        self._final_module.link_in(said)
        self._final_module.get_global_variable(FORM).linkage = "internal"
        # Private functions may be dropped once they are inlined, and are inlined more readily.
        for function in self._final_module.functions:
            if function.name in self._private and not function.is_declaration:
                function.linkage = "internal"
                for attribute in self._attributes.get(function.name, ()):
                    function.add_function_attribute(attribute)
        # Once: Numba goes over a module twice, for reference counts, which we do not have.
        manager, builder = self._codegen._module_pass_manager()  # noqa: SLF001
        manager.run(self._final_module, builder)


class _CommonPiece(_Piece):
    """One for lines of a common layout, without a log; the optimiser knows where everything is."""

    form = COMMON


class _LeanPiece(_Piece):
    """One for those that need nothing rare, too; the optimiser drops what is only for others."""

    form = LEAN


class _ChooseLibrary(FunctionPass):
    """Say what a function is lowered into."""

    library: type[JITCodeLibrary]

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        name = state.func_id.func_qualname
        state.library = self.library(state.targetctx.codegen(), name)
        state.library.enable_object_caching()
        return False


@register_pass(mutates_CFG=False, analysis_only=False)
class _IntoDraft(_ChooseLibrary):
    _name = "linetwin_draft"
    library = Draft


@register_pass(mutates_CFG=False, analysis_only=False)
class _IntoOutlined(_ChooseLibrary):
    _name = "linetwin_outlined"
    library = OutlinedDraft


@register_pass(mutates_CFG=False, analysis_only=False)
class _IntoAside(_ChooseLibrary):
    _name = "linetwin_aside"
    library = AsideDraft


@register_pass(mutates_CFG=False, analysis_only=False)
class _IntoPiece(_ChooseLibrary):
    _name = "linetwin_piece"
    library = _Piece


@register_pass(mutates_CFG=False, analysis_only=False)
class _IntoCommonPiece(_ChooseLibrary):
    _name = "linetwin_common_piece"
    library = _CommonPiece


@register_pass(mutates_CFG=False, analysis_only=False)
class _IntoLeanPiece(_ChooseLibrary):
    _name = "linetwin_lean_piece"
    library = _LeanPiece


class _Compiler(CompilerBase):
    """Numba's passes without those for what our functions do not contain."""

    into: type[_ChooseLibrary]
    lowering: type[NativeLowering] = NativeLowering

    def define_pipelines(self) -> list[Any]:
        passes = PassManager("linetwin")
        first, *rest = _PASSES
        for step in (first, self.into, *rest, self.lowering, NoPythonBackend):
            passes.add_pass(step, step.__name__)
        passes.finalize()
        return [passes]


class _DraftCompiler(_Compiler):
    into: type[_ChooseLibrary] = _IntoDraft
    lowering = DraftLowering


class _OutlinedCompiler(_DraftCompiler):
    into = _IntoOutlined


class _AsideCompiler(_DraftCompiler):
    into = _IntoAside


class _PieceCompiler(_Compiler):
    into = _IntoPiece


class _CommonPieceCompiler(_Compiler):
    into = _IntoCommonPiece


class _LeanPieceCompiler(_Compiler):
    into = _IntoLeanPiece


# No closures, no generators, no exceptions, no array expressions to rewrite.
_PASSES: tuple[Any, ...] = (
    TranslateByteCode,
    FixupArgs,
    IRProcessing,
    ReconstructSSA,
    NopythonTypeInference,
    PreLowerStripPhis,
    IRLegalization,
    AnnotateTypes,
)


_DRAFT: dict[str, Any] = {
    # Not said, it would be as in the function during whose compilation this one is asked for.
    "forceinline": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": _DraftCompiler,
}


_BELOW = ("engine", "events", "line")
"""Packages of ``twin`` whose functions and constants a compiled function may hold."""


@cache
def _version_of(folder: Path) -> bytes:
    """Return a hash of all that a compiled function of a folder may hold."""
    found = hashlib.sha256()
    below = [Path(__file__).parents[1] / name for name in _BELOW]
    for path in sorted({*folder.glob("*.py"), *(x for at in below for x in at.rglob("*.py"))}):
        found.update(path.read_bytes())
    return found.digest()


class _Whole:
    """What was compiled is of the version of all that it may hold, or else compiled anew.

    Numba looks at the function's own file. After an upgrade a kernel of two versions would run,
    until it falls over.
    """

    _py_file: str

    def get_source_stamp(self) -> bytes:
        return _version_of(Path(self._py_file).parent)


class _Chosen(_Whole, UserProvidedCacheLocator):
    """Where ``NUMBA_CACHE_DIR`` says."""


class _Beside(_Whole, InTreeCacheLocator):
    """Beside the source."""


class _OfTheUser(_Whole, UserWideCacheLocator):
    """In the user's own folder."""


class _Installed(_Beside):
    """Beside the source, where nothing can be written: what was compiled at installation is read.

    A service does not own its installation, and has no home to write to.
    """

    @classmethod
    def from_function(cls, py_func: Any, py_file: Any) -> _Installed:
        return cls(py_func, py_file)


class _Kept(CompileResultCacheImpl):
    _locator_classes = [_Chosen, _Beside, _OfTheUser, _Installed]  # noqa: RUF012


class _Cache(FunctionCache):
    """Numba's cache of compiled functions, which need not be writable."""

    _impl_class = _Kept

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load what is there without Numba's declarations of all that could be compiled.

        They take longer than the rest of a first answer; the compiler loads them by itself.
        """
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def _save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):  # no place, or no room: it is compiled again in the next process
            super()._save_overload(sig, data)


def compiled(function: Function) -> Function:
    """Compile a function that Python and other compiled functions call; it runs outside the GIL."""
    return _compiled(function, _PieceCompiler)


def common(function: Function) -> Function:
    """Compile a ``compiled`` function for lines of the common layout; see ``compiled.lean``."""
    return _compiled(function, _CommonPieceCompiler)


def lean(function: Function) -> Function:
    """Compile a ``compiled`` function for lines that need nothing rare; see ``compiled.lean``."""
    return _compiled(function, _LeanPieceCompiler)


def folded(function: Function) -> Function:
    """Compile a ``compiled`` function that becomes a part of compiled callers."""
    return _compiled(function, _PieceCompiler, inlined)


def _compiled(
    function: Function, compiler: type[_Compiler], draft_of: Callable[[Any], Any] | None = None
) -> Function:
    made: Any = _njit(function, {"pipeline_class": compiler})
    if isinstance(made, Dispatcher):
        made._cache = _Cache(function)  # noqa: SLF001
        # Compiled functions that call it take a draft of it.
        draft: Any = (draft_of or inner)(function)
        made.get_call_template = draft.get_call_template
        made.get_overload = draft.get_overload
    return cast("Function", made)


def inner(function: Function) -> Function:
    """Compile a function that only compiled functions call; it has no face for Python."""
    return _njit(function, _DRAFT)


def outlined(function: Function) -> Function:
    """Compile an ``inner`` function that never becomes a part of a caller: long, or of many."""
    return _njit(function, _DRAFT | {"pipeline_class": _OutlinedCompiler})


def aside(function: Function) -> Function:
    """Compile an ``outlined`` function that is seldom called; it is made small, not quick."""
    return _njit(function, _DRAFT | {"pipeline_class": _AsideCompiler})


def inlined(function: Function) -> Function:
    """Compile an ``inner`` function that becomes a part of each caller: short, or called often."""
    return _njit(function, _DRAFT | {"forceinline": True})


def _njit(function: Function, more: dict[str, Any]) -> Function:
    # Numba's own annotations know neither these options nor what a compiled function returns.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
    made: Any = njit(**options, **more)(function)
    if isinstance(made, Dispatcher):
        # A call with a constant takes what is compiled for its type, not a compilation of its own.
        template = made.get_call_template
        made.get_call_template = lambda args, kws: template([unliteral(a) for a in args], kws)
    return cast("Function", made)
