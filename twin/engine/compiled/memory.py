"""How compiled functions read and write the two arrays of a replication; see ``tables``.

``M[M[FIELD] + i]`` would do the same. These primitives are quicker to compile, and they tell the
compiler what it cannot see: where a field begins never changes during a run, and whole numbers
never lie where reals do. With ``NUMBA_DISABLE_JIT=1`` they are the plain Python functions below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import config, types
from numba.core.extending import intrinsic

from twin.engine.compiled.tables import Floats, Ints

Function = TypeVar("Function", bound=Callable[..., Any])
Array = TypeVar("Array", Ints, Floats)

WORD = ir.IntType(64)


def _tag(builder: Any, kind: str) -> Any:
    """Return the mark that keeps accesses to whole numbers and to reals apart."""
    module = builder.module
    root = module.add_metadata([ir.MetaDataString(module, "linetwin memory")])
    zero = ir.Constant(WORD, 0)
    scalar = module.add_metadata([ir.MetaDataString(module, kind), root, zero])
    return module.add_metadata([scalar, scalar, zero])


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return where the elements of an array begin; an address is that already."""
    if isinstance(kind, types.CPointer):
        return value
    return context.make_array(kind)(context, builder, value).data


def _place(context: Any, builder: Any, kinds: Any, args: Any, array: int) -> tuple[Any, Any]:
    """Return the address of an element of a field, and the mark of its array."""
    whole = _data(context, builder, kinds[0], args[0])
    first = builder.load(builder.gep(whole, [args[array + 1]]))
    first.set_metadata("invariant.load", builder.module.add_metadata([]))
    data = whole if array == 0 else _data(context, builder, kinds[array], args[array])
    mark = _tag(builder, "whole" if array == 0 else "real")
    return builder.gep(data, [builder.add(first, args[array + 2])]), mark


def _single(context: Any, builder: Any, kinds: Any, args: Any) -> tuple[Any, Any]:
    data = _data(context, builder, kinds[0], args[0])
    mark = _tag(builder, "real" if kinds[0].dtype == types.float64 else "whole")
    return builder.gep(data, [args[1]]), mark


def _load(builder: Any, place: tuple[Any, Any]) -> Any:
    found = builder.load(place[0])
    found.set_metadata("tbaa", place[1])
    return found


def _store(context: Any, builder: Any, value: Any, place: tuple[Any, Any]) -> Any:
    builder.store(value, place[0]).set_metadata("tbaa", place[1])
    return context.get_dummy_value()


def _primitive(meaning: Function, made: Callable[..., Any]) -> Function:
    """Return an access as the compiler makes it, or its plain meaning without a compiler."""
    plain = bool(config.DISABLE_JIT)  # type: ignore[attr-defined]
    return meaning if plain else cast("Function", intrinsic(made))


def _get(M: Ints, field: int, i: int) -> int:
    return int(M[M[field] + i])


def _make_get(context: Any, M: Any, field: Any, i: Any) -> Any:
    del context, field, i

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _load(builder, _place(context, builder, signature.args, args, 0))

    return types.int64(M, types.int64, types.int64), emit


def _put(M: Ints, field: int, i: int, value: int) -> None:
    M[M[field] + i] = value


def _make_put(context: Any, M: Any, field: Any, i: Any, value: Any) -> Any:
    del context, field, i, value

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args, args, 0)
        return _store(context, builder, args[3], place)

    return types.void(M, types.int64, types.int64, types.int64), emit


def _add(M: Ints, field: int, i: int, value: int) -> None:
    M[M[field] + i] += value


def _make_add(context: Any, M: Any, field: Any, i: Any, value: Any) -> Any:
    del context, field, i, value

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args, args, 0)
        return _store(context, builder, builder.add(_load(builder, place), args[3]), place)

    return types.void(M, types.int64, types.int64, types.int64), emit


def _real(M: Ints, X: Floats, field: int, i: int) -> float:
    return float(X[M[field] + i])


def _make_real(context: Any, M: Any, X: Any, field: Any, i: Any) -> Any:
    del context, field, i

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _load(builder, _place(context, builder, signature.args, args, 1))

    return types.float64(M, X, types.int64, types.int64), emit


def _put_real(M: Ints, X: Floats, field: int, i: int, value: float) -> None:
    X[M[field] + i] = value


def _make_put_real(context: Any, M: Any, X: Any, field: Any, i: Any, value: Any) -> Any:
    del context, field, i, value

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args, args, 1)
        return _store(context, builder, args[4], place)

    return types.void(M, X, types.int64, types.int64, types.float64), emit


def _add_real(M: Ints, X: Floats, field: int, i: int, value: float) -> None:
    X[M[field] + i] += value


def _make_add_real(context: Any, M: Any, X: Any, field: Any, i: Any, value: Any) -> Any:
    del context, field, i, value

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _place(context, builder, signature.args, args, 1)
        return _store(context, builder, builder.fadd(_load(builder, place), args[4]), place)

    return types.void(M, X, types.int64, types.int64, types.float64), emit


def _whole(M: Ints, place: int) -> int:
    return int(M[place])


def _make_whole(context: Any, M: Any, place: Any) -> Any:
    del context, place

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _load(builder, _single(context, builder, signature.args, args))

    return types.int64(M, types.int64), emit


def _moment(X: Floats, place: int) -> float:
    return float(X[place])


def _make_moment(context: Any, X: Any, place: Any) -> Any:
    del context, place

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _load(builder, _single(context, builder, signature.args, args))

    return types.float64(X, types.int64), emit


def _put_whole(M: Ints, place: int, value: int) -> None:
    M[place] = value


def _make_put_whole(context: Any, M: Any, place: Any, value: Any) -> Any:
    del context, place, value

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _single(context, builder, signature.args, args)
        return _store(context, builder, args[2], place)

    return types.void(M, types.int64, types.int64), emit


def _add_whole(M: Ints, place: int, value: int) -> None:
    M[place] += value


def _make_add_whole(context: Any, M: Any, place: Any, value: Any) -> Any:
    del context, place, value

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _single(context, builder, signature.args, args)
        return _store(context, builder, builder.add(_load(builder, place), args[2]), place)

    return types.void(M, types.int64, types.int64), emit


def _put_moment(X: Floats, place: int, value: float) -> None:
    X[place] = value


def _make_put_moment(context: Any, X: Any, place: Any, value: Any) -> Any:
    del context, place, value

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _single(context, builder, signature.args, args)
        return _store(context, builder, args[2], place)

    return types.void(X, types.int64, types.float64), emit


def _address(array: Array) -> Array:
    return array


def _make_address(context: Any, array: Any) -> Any:
    del context

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _data(context, builder, signature.args[0], args[0])

    return types.CPointer(array.dtype)(array), emit  # type: ignore[no-untyped-call]


address = _primitive(_address, _make_address)
"""``address(array)``: where its elements begin, in place of the array; one word to pass, not seven.

All other primitives take either."""
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
whole = _primitive(_whole, _make_whole)
"""``whole(M, PLACE)``: a single whole number at the front of M."""
put_whole = _primitive(_put_whole, _make_put_whole)
"""``put_whole(M, PLACE, value)``."""
add_whole = _primitive(_add_whole, _make_add_whole)
"""``add_whole(M, PLACE, value)``: ``+=``."""
moment = _primitive(_moment, _make_moment)
"""``moment(X, PLACE)``: a single real number at the front of X."""
put_moment = _primitive(_put_moment, _make_put_moment)
"""``put_moment(X, PLACE, value)``."""


def _lowest_bit(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _make_lowest_bit(context: Any, bits: Any) -> Any:
    del context, bits

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, signature
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), emit


lowest_bit = _primitive(_lowest_bit, _make_lowest_bit)
"""``lowest_bit(bits)``: place of the lowest bit that is set; there must be one."""
