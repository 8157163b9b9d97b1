"""How compiled functions read and write a replication's memory; see ``tables``.

``get(M, PART_STEP, p)`` means ``M[M[BEGINS + record] + p * width + column]``, with record, width
and column known from the field when it is compiled. These primitives are quicker to compile than
that, and they tell the compiler what it cannot see: where a record begins never changes during a
run, and no two fields share a word. The arrays of whole numbers ``M`` and of reals ``X`` are the
same words (``layout.Memory``), so all that is compiled goes through one pointer, that of ``M``.
With ``NUMBA_DISABLE_JIT=1`` they are the plain Python functions below; with
``NUMBA_BOUNDSCHECK=1`` the same, compiled, so that each access is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import config, types
from numba.core.errors import TypingError
from numba.core.extending import intrinsic

from twin.engine.compiled.lean import OF_ALL, OF_STATIONS, SINGLES
from twin.engine.compiled.tables import BEGINS, COLUMN_BITS, WIDTH, Floats, Ints
from twin.engine.drafts import COMMON, LEAN, is_of_form
from twin.engine.jit import inner

Function = TypeVar("Function", bound=Callable[..., Any])
Array = TypeVar("Array", Ints, Floats)

WORD = ir.IntType(64)
GROUP, LANES = 16, 4
"""Neighbours that are looked at together; how many of them at once."""
QUARTER, INDEX = ir.VectorType(ir.DoubleType(), LANES), ir.IntType(32)
REAL = ir.DoubleType().as_pointer()
WHOLES, REALS = 1, 2
"""Arguments before the field: the whole numbers; these and the reals."""
COLUMN_MASK = (1 << COLUMN_BITS) - 1


def _tag(builder: Any, name: str) -> Any:
    """Return the mark that tells apart what never shares a word."""
    module = builder.module
    root = module.add_metadata([ir.MetaDataString(module, "linetwin memory")])
    zero = ir.Constant(WORD, 0)
    scalar = module.add_metadata([ir.MetaDataString(module, name), root, zero])
    return module.add_metadata([scalar, scalar, zero])


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return where the elements of an array begin; an address is that already."""
    if isinstance(kind, types.CPointer):
        return value
    return context.make_array(kind)(context, builder, value).data


def _literal(field: Any) -> int:
    if not isinstance(field, types.IntegerLiteral):
        raise TypingError("a field is a constant of tables")
    return int(field.literal_value)


class _Access:
    """Where one access goes: a column of a record. ``skipped``: arguments before the field."""

    def __init__(self, field: Any, skipped: int) -> None:
        self.field = _literal(field)
        self.skipped = skipped

    def begin(self, context: Any, builder: Any, kinds: Any, args: Any) -> Any:
        """Return where the field's column begins, as a place in the memory."""
        whole = _data(context, builder, kinds[0], args[0])
        head = BEGINS + (self.field >> COLUMN_BITS)
        first = builder.load(builder.gep(whole, [ir.Constant(WORD, head)]))
        first.set_metadata("invariant.load", builder.module.add_metadata([]))
        first = _known(builder, first, head, OF_ALL, COMMON)
        return builder.add(first, ir.Constant(WORD, self.field & COLUMN_MASK))

    def place(self, context: Any, builder: Any, kinds: Any, args: Any) -> tuple[Any, Any]:
        """Return the address of one element, and its mark."""
        data = _data(context, builder, kinds[0], args[0])
        width = ir.Constant(WORD, WIDTH[self.field >> COLUMN_BITS])
        row = builder.mul(args[self.skipped + 1], width)
        at = builder.gep(data, [builder.add(self.begin(context, builder, kinds, args), row)])
        if self.skipped == REALS:
            at = builder.bitcast(at, REAL)
        return at, _tag(builder, f"field {self.field}")


def _load(builder: Any, place: tuple[Any, Any]) -> Any:
    found = builder.load(place[0])
    found.set_metadata("tbaa", place[1])
    return found


def _known(builder: Any, found: Any, name: int, known: dict[int, int], form: int) -> Any:
    """Return what was loaded, or what kernels of a form know it to be."""
    if name not in known:
        return found
    return builder.select(is_of_form(builder, form), ir.Constant(WORD, known[name]), found)


def _store(context: Any, builder: Any, value: Any, place: tuple[Any, Any]) -> Any:
    builder.store(value, place[0]).set_metadata("tbaa", place[1])
    return context.get_dummy_value()


def _primitive(meaning: Function, made: Callable[..., Any]) -> Function:
    """Return an access as the compiler makes it, or its plain meaning."""
    if config.DISABLE_JIT or config.BOUNDSCHECK:  # type: ignore[attr-defined]
        return inner(meaning)
    return cast("Function", intrinsic(prefer_literal=True)(made))


def _start(M: Ints, field: int) -> int:
    return int(M[BEGINS + (field >> COLUMN_BITS)]) + (field & COLUMN_MASK)


def _make_start(context: Any, M: Any, field: Any) -> Any:
    del context
    access = _Access(field, WHOLES)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return access.begin(context, builder, signature.args, args)

    return types.int64(M, field), emit


def _get(M: Ints, field: int, i: int) -> int:
    record = field >> COLUMN_BITS
    return int(M[M[BEGINS + record] + i * WIDTH[record] + (field & COLUMN_MASK)])


def _make_get(context: Any, M: Any, field: Any, i: Any) -> Any:
    del context, i
    access = _Access(field, WHOLES)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = _load(builder, access.place(context, builder, signature.args, args))
        return _known(builder, found, access.field, OF_STATIONS, LEAN)

    return types.int64(M, field, types.int64), emit


def _put(M: Ints, field: int, i: int, value: int) -> None:
    record = field >> COLUMN_BITS
    M[M[BEGINS + record] + i * WIDTH[record] + (field & COLUMN_MASK)] = value


def _make_put(context: Any, M: Any, field: Any, i: Any, value: Any) -> Any:
    del context, i, value
    access = _Access(field, WHOLES)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = access.place(context, builder, signature.args, args)
        return _store(context, builder, args[3], place)

    return types.void(M, field, types.int64, types.int64), emit


def _add(M: Ints, field: int, i: int, value: int) -> None:
    record = field >> COLUMN_BITS
    M[M[BEGINS + record] + i * WIDTH[record] + (field & COLUMN_MASK)] += value


def _make_add(context: Any, M: Any, field: Any, i: Any, value: Any) -> Any:
    del context, i, value
    access = _Access(field, WHOLES)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = access.place(context, builder, signature.args, args)
        return _store(context, builder, builder.add(_load(builder, place), args[3]), place)

    return types.void(M, field, types.int64, types.int64), emit


def _real(M: Ints, X: Floats, field: int, i: int) -> float:
    record = field >> COLUMN_BITS
    return float(X[M[BEGINS + record] + i * WIDTH[record] + (field & COLUMN_MASK)])


def _make_real(context: Any, M: Any, X: Any, field: Any, i: Any) -> Any:
    del context, i
    access = _Access(field, REALS)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _load(builder, access.place(context, builder, signature.args, args))

    return types.float64(M, X, field, types.int64), emit


def _put_real(M: Ints, X: Floats, field: int, i: int, value: float) -> None:
    record = field >> COLUMN_BITS
    X[M[BEGINS + record] + i * WIDTH[record] + (field & COLUMN_MASK)] = value


def _make_put_real(context: Any, M: Any, X: Any, field: Any, i: Any, value: Any) -> Any:
    del context, i, value
    access = _Access(field, REALS)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = access.place(context, builder, signature.args, args)
        return _store(context, builder, args[4], place)

    return types.void(M, X, field, types.int64, types.float64), emit


def _add_real(M: Ints, X: Floats, field: int, i: int, value: float) -> None:
    record = field >> COLUMN_BITS
    X[M[BEGINS + record] + i * WIDTH[record] + (field & COLUMN_MASK)] += value


def _make_add_real(context: Any, M: Any, X: Any, field: Any, i: Any, value: Any) -> Any:
    del context, i, value
    access = _Access(field, REALS)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = access.place(context, builder, signature.args, args)
        return _store(context, builder, builder.fadd(_load(builder, place), args[4]), place)

    return types.void(M, X, field, types.int64, types.float64), emit


def _least(M: Ints, X: Floats, field: int, first: int) -> float:
    begin = M[BEGINS + (field >> COLUMN_BITS)] + first
    found = X[begin]
    for i in range(1, GROUP):
        found = min(found, X[begin + i])
    return float(found)


def _quarters(builder: Any, place: tuple[Any, Any]) -> list[Any]:
    """Return the values of a group, loaded four at once: wider loads slow the processor down."""
    found = []
    for i in range(0, GROUP, LANES):
        at = builder.gep(place[0], [ir.Constant(WORD, i)])
        value = builder.load(builder.bitcast(at, QUARTER.as_pointer()), align=8)
        value.set_metadata("tbaa", place[1])
        found.append(value)
    return found


def _lower(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", other, one), other, one)


def _make_least(context: Any, M: Any, X: Any, field: Any, first: Any) -> Any:
    del context, first
    access = _Access(field, REALS)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = _quarters(builder, access.place(context, builder, signature.args, args))
        while len(values) > 1:
            values = [_lower(builder, *values[i : i + 2]) for i in range(0, len(values), 2)]
        found, none = values[0], ir.Constant(QUARTER, ir.Undefined)
        for order in ([2, 3, 0, 1], [1, 0, 3, 2]):
            mask = ir.Constant(ir.VectorType(INDEX, LANES), order)
            found = _lower(builder, found, builder.shuffle_vector(found, none, mask))
        return builder.extract_element(found, ir.Constant(INDEX, 0))

    return types.float64(M, X, field, types.int64), emit


def _equals(M: Ints, X: Floats, field: int, first: int, value: float) -> int:
    begin, bits = M[BEGINS + (field >> COLUMN_BITS)] + first, 0
    for i in range(GROUP):
        bits += int(X[begin + i] == value) << i
    return bits


def _make_equals(context: Any, M: Any, X: Any, field: Any, first: Any, value: Any) -> Any:
    del context, first, value
    access = _Access(field, REALS)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value, bits = ir.Constant(QUARTER, ir.Undefined), ir.Constant(WORD, 0)
        for i in range(LANES):
            value = builder.insert_element(value, args[4], ir.Constant(INDEX, i))
        place = access.place(context, builder, signature.args, args)
        for i, found in enumerate(_quarters(builder, place)):
            same = builder.fcmp_ordered("==", found, value)
            same = builder.zext(builder.bitcast(same, ir.IntType(LANES)), WORD)
            bits = builder.or_(bits, builder.shl(same, ir.Constant(WORD, LANES * i)))
        return bits

    return types.int64(M, X, field, types.int64, types.float64), emit


def _single(
    context: Any, builder: Any, kinds: Any, args: Any, place: int, *, real: bool = False
) -> tuple[Any, Any]:
    at = builder.gep(_data(context, builder, kinds[0], args[0]), [ir.Constant(WORD, place)])
    return builder.bitcast(at, REAL) if real else at, _tag(builder, f"single {place}")


def _whole(M: Ints, place: int) -> int:
    return int(M[place])


def _make_whole(context: Any, M: Any, place: Any) -> Any:
    del context
    at = _literal(place)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = _load(builder, _single(context, builder, signature.args, args, at))
        found = _known(builder, found, at, OF_ALL, COMMON)
        return _known(builder, found, at, SINGLES, LEAN)

    return types.int64(M, place), emit


def _moment(M: Ints, X: Floats, place: int) -> float:
    return float(X[place])


def _make_moment(context: Any, M: Any, X: Any, place: Any) -> Any:
    del context
    at = _literal(place)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _load(builder, _single(context, builder, signature.args, args, at, real=True))

    return types.float64(M, X, place), emit


def _put_whole(M: Ints, place: int, value: int) -> None:
    M[place] = value


def _make_put_whole(context: Any, M: Any, place: Any, value: Any) -> Any:
    del context, value
    at = _literal(place)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = _single(context, builder, signature.args, args, at)
        return _store(context, builder, args[2], found)

    return types.void(M, place, types.int64), emit


def _add_whole(M: Ints, place: int, value: int) -> None:
    M[place] += value


def _make_add_whole(context: Any, M: Any, place: Any, value: Any) -> Any:
    del context, value
    at = _literal(place)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = _single(context, builder, signature.args, args, at)
        return _store(context, builder, builder.add(_load(builder, found), args[2]), found)

    return types.void(M, place, types.int64), emit


def _put_moment(M: Ints, X: Floats, place: int, value: float) -> None:
    X[place] = value


def _make_put_moment(context: Any, M: Any, X: Any, place: Any, value: Any) -> Any:
    del context, value
    at = _literal(place)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = _single(context, builder, signature.args, args, at, real=True)
        return _store(context, builder, args[3], found)

    return types.void(M, X, place, types.float64), emit


def _address(array: Array) -> Array:
    return array


def _make_address(context: Any, array: Any) -> Any:
    del context

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _data(context, builder, signature.args[0], args[0])

    return types.CPointer(array.dtype)(array), emit  # type: ignore[no-untyped-call]


def _reals(M: Ints, X: Floats) -> Floats:
    return X


def _make_reals(context: Any, M: Any, X: Any) -> Any:
    del context

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(_data(context, builder, signature.args[0], args[0]), REAL)

    return types.CPointer(types.float64)(M, X), emit  # type: ignore[no-untyped-call]


address = _primitive(_address, _make_address)
"""``address(array)``: where its elements begin, in place of the array; one word to pass, not seven.

All other primitives take either."""
reals = _primitive(_reals, _make_reals)
"""``reals(M, X)``: the memory as a table of real numbers."""
start = _primitive(_start, _make_start)
"""``start(M, FIELD)``: the place in the memory at which a vector begins."""
get = _primitive(_get, _make_get)
"""``get(M, FIELD, i)``: the whole number of a field."""
put = _primitive(_put, _make_put)
"""``put(M, FIELD, i, value)``."""
add = _primitive(_add, _make_add)
"""``add(M, FIELD, i, value)``: ``+=``."""
real = _primitive(_real, _make_real)
"""``real(M, X, FIELD, i)``: the real number of a field."""
put_real = _primitive(_put_real, _make_put_real)
"""``put_real(M, X, FIELD, i, value)``."""
add_real = _primitive(_add_real, _make_add_real)
"""``add_real(M, X, FIELD, i, value)``: ``+=``."""
least = _primitive(_least, _make_least)
"""``least(M, X, FIELD, first)``: the least of a group of a vector of reals."""
equals = _primitive(_equals, _make_equals)
"""``equals(M, X, FIELD, first, value)``: bits by place in a group that has this value."""
whole = _primitive(_whole, _make_whole)
"""``whole(M, PLACE)``: a single whole number at the front."""
put_whole = _primitive(_put_whole, _make_put_whole)
"""``put_whole(M, PLACE, value)``."""
add_whole = _primitive(_add_whole, _make_add_whole)
"""``add_whole(M, PLACE, value)``: ``+=``."""
moment = _primitive(_moment, _make_moment)
"""``moment(M, X, PLACE)``: a single real number at the front."""
put_moment = _primitive(_put_moment, _make_put_moment)
"""``put_moment(M, X, PLACE, value)``."""
