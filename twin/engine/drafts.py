"""Drafts: functions lowered, but neither put together nor optimised; see ``jit``.

A draft is called with its arguments for its value. Numba's own functions return a status and write
their value where the caller says, as they may raise; each caller keeps a place, clears it, and asks
afterwards. Drafts raise nothing.
"""

# Numba's compiler carries no annotations.
# mypy: disable-error-code="no-untyped-call, attr-defined"

from __future__ import annotations

from copy import copy
from typing import Any

from llvmlite import ir
from numba import _dynfunc, config
from numba.core import cgutils
from numba.core.callconv import BaseCallConv, CPUCallConv
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import register_pass
from numba.core.cpu import CPUContext
from numba.core.imputils import user_function
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

FORM = "linetwin_form"
"""Name of what a piece says of itself: which lines it is for."""
WHOLE, COMMON, LEAN = range(3)
"""For all lines; for those of a common layout without a log; for those that need nothing rare."""


def is_of_form(builder: Any, form: int) -> Any:
    """Return, in the code that is written, whether the piece that it goes into has this form."""
    found = builder.module.globals.get(FORM)
    if found is None:
        found = ir.GlobalVariable(builder.module, ir.IntType(8), FORM)
        found.global_constant = True
    return builder.icmp_unsigned(">=", builder.load(found), ir.Constant(ir.IntType(8), form))


class Draft(JITCodeLibrary):
    """One function, neither linked with what it calls nor optimised nor made machine code."""

    def _optimize_functions(self, module: Any) -> None:
        """Leave that to the piece."""
        module.data_layout = self._codegen._data_layout  # noqa: SLF001

    def finalize(self) -> None:
        """Leave the rest to the piece, too."""
        self._raise_if_finalized()
        self._finalized = True

    def drafts(self, found: dict[int, Draft]) -> None:
        """Gather this draft and all that it needs."""
        if id(self) in found:
            return
        found[id(self)] = self
        for library in self._linking_libraries:
            if isinstance(library, Draft):
                library.drafts(found)

    def others(self) -> list[Any]:
        """Return the finished libraries that this draft needs."""
        return [x for x in self._linking_libraries if not isinstance(x, Draft)]

    def names(self) -> list[str]:
        """Return the functions that are defined here."""
        return [f.name for f in self._final_module.functions if not f.is_declaration]


class OutlinedDraft(Draft):
    """A draft that stays a function of its own."""

    attributes: tuple[str, ...] = ("noinline",)


class AsideDraft(OutlinedDraft):
    """One that is seldom called."""

    attributes = ("noinline", "cold", "optsize")


class _Direct(BaseCallConv):
    """How a draft is called: with its arguments alone, for its value alone."""

    def _make_call_helper(self, builder: Any) -> None:
        """Nothing is needed."""

    def get_function_type(self, restype: Any, argtypes: Any) -> Any:
        returned = self.context.data_model_manager[restype].get_return_type()
        return ir.FunctionType(returned, list(self._get_arg_packer(argtypes).argument_types))

    def declare(self, module: Any, fndesc: Any) -> Any:
        """Return a draft's function as a module sees it."""
        kind = self.get_function_type(fndesc.restype, fndesc.argtypes)
        function = cgutils.get_or_insert_function(module, kind, fndesc.mangled_name)
        if fndesc.inline:
            function.attributes.add("alwaysinline")
        return function

    def get_arguments(self, func: Any) -> Any:
        return func.args

    def return_value(self, builder: Any, retval: Any) -> None:
        builder.ret(retval)

    def call(self, builder: Any, fndesc: Any, args: Any) -> Any:
        """Write the call of a draft and return its value."""
        function = self.declare(builder.module, fndesc)
        flat = self._get_arg_packer(fndesc.argtypes).as_arguments(builder, args)
        returned = builder.call(function, flat)
        return self.context.get_returned_value(builder, fndesc.restype, returned)


class _OfNumba(CPUCallConv):
    """How a draft calls what is Numba's own, such as ``max``: it raises nothing there either."""

    def return_status_propagate(self, builder: Any, status: Any) -> None:
        del status
        builder.unreachable()

    def return_user_exc(self, builder: Any, *what: Any, **more: Any) -> None:
        del what, more
        builder.unreachable()


class _DraftContext(CPUContext):
    """What Numba knows of the machine while it lowers a draft."""

    @property
    def call_conv(self) -> _OfNumba:
        return _OfNumba(self)


class _DraftLower(Lower):
    """Write a draft."""

    @property
    def call_conv(self) -> _Direct:
        return _Direct(self.context)

    def setup_function(self, fndesc: Any) -> None:
        self.function = self.call_conv.declare(self.module, fndesc)
        self.entry_block = self.function.append_basic_block("entry")
        self.builder = ir.IRBuilder(self.entry_block)
        self.call_helper = None


@register_pass(mutates_CFG=True, analysis_only=False)
class DraftLowering(NativeLowering):
    """Lower, and stop before there is machine code."""

    _name = "linetwin_draft_lowering"
    lowering_class = Lower if config.BOUNDSCHECK else _DraftLower

    def run_pass(self, state: Any) -> bool:
        """Write the draft, and tell how it is called."""
        state.flags.no_compile = True
        context = state.targetctx
        state.targetctx = copy(context)
        if not config.BOUNDSCHECK:  # a check of bounds raises
            state.targetctx.__class__ = _DraftContext
        super().run_pass(state)
        state.targetctx = context
        lowered = state["cr"]
        state.library.finalize()
        # In place of machine code; callers name the function by it.
        key = _dynfunc.make_function(
            lowered.fndesc.lookup_module(), "draft", "", 0, lowered.env, (state.library,)
        )
        call = _call_of(lowered.fndesc, state.library)
        context.insert_func_defn([(call, key, call.signature)])
        state["cr"] = lowered._replace(cfunc=key)
        return True


def _call_of(fndesc: Any, library: Draft) -> Any:
    """Return how a caller of a draft is compiled."""
    if config.BOUNDSCHECK:
        return user_function(fndesc, (library,))

    def call(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del signature
        return _Direct(context).call(builder, fndesc, args)

    call.signature = fndesc.argtypes
    call.libs = (library,)
    return call
