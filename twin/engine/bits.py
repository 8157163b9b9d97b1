"""Numbers as bits, for compiled functions.

With ``NUMBA_DISABLE_JIT=1`` they are the plain Python functions below.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

WORD = ir.IntType(64)


def _lowest_bit(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _make_lowest_bit(context: Any, bits: Any) -> Any:
    del context, bits

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, signature
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), emit


def _bits_of(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little", signed=True)


def _make_bits_of(context: Any, value: Any) -> Any:
    del context, value

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, signature
        return builder.bitcast(args[0], WORD)

    return types.int64(types.float64), emit


def _real_of(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])


def _make_real_of(context: Any, bits: Any) -> Any:
    del context, bits

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, signature
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), emit


def _unsigned(value: int) -> np.uint64:
    return np.uint64(int(value) & 0xFFFFFFFFFFFFFFFF)


def _make_unsigned(context: Any, value: Any) -> Any:
    del context, value

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        del context, builder, signature
        return args[0]

    return types.uint64(types.int64), emit


def _plain(meaning: Function, made: Callable[..., Any]) -> Function:
    """Return what needs no check of bounds."""
    return meaning if config.DISABLE_JIT else cast("Function", intrinsic(made))  # type: ignore[attr-defined]


lowest_bit = _plain(_lowest_bit, _make_lowest_bit)
"""``lowest_bit(bits)``: place of the lowest bit that is set; there must be one."""
unsigned = _plain(_unsigned, _make_unsigned)
"""``unsigned(value)``: the same 64 bits as a number that is not negative, such as a key."""
bits_of = _plain(_bits_of, _make_bits_of)
"""``bits_of(value)``: a real number's 64 bits as a whole number."""
real_of = _plain(_real_of, _make_real_of)
"""``real_of(bits)``: the real number that these 64 bits are."""
