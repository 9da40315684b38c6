"""Packing of arrays to bytes and back: little-endian, versioned, numpy only.

A packed array is ``b"KW"``, the version (1 byte), the type (1 byte: 1 float32, 2 float64,
3 uint8), a sequence number, the number of axes and each axis' length (4 bytes each), zeros
up to a multiple of 8 bytes, then the values in C order. `js/src/wire/traits.ts` reads the same.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

__all__ = ["VERSION", "pack", "unpack"]

VERSION = 1
_MAGIC = b"KW"
_HEAD = struct.Struct("<2sBBII")
_CODES = {"float32": 1, "float64": 2, "uint8": 3}
_TYPES = {code: np.dtype(name).newbyteorder("<") for name, code in _CODES.items()}


def pack(array: NDArray[np.generic], sequence: int = 0) -> bytes:
    """Pack a float32, float64 or uint8 array.

    The sequence number stands in the first bytes, so that two payloads are found to differ
    without a comparison of their ends.

    Raises
    ------
    TypeError
        If the array is of another type.
    """
    code = _CODES.get(array.dtype.name)
    if code is None:
        raise TypeError(f"can pack {', '.join(_CODES)}, got an array of {array.dtype.name}")
    head = _HEAD.pack(_MAGIC, VERSION, code, sequence & 0xFFFFFFFF, array.ndim)
    head += struct.pack(f"<{array.ndim}I", *array.shape)
    head += bytes(-len(head) % 8)
    return head + array.astype(_TYPES[code], copy=False).tobytes()


def unpack(data: bytes) -> tuple[NDArray[np.generic], int]:
    """Return a packed array and its sequence number.

    Raises
    ------
    ValueError
        If the bytes are not a packed array of this version; the message says what is wrong.
    """
    if len(data) < _HEAD.size:
        raise ValueError(f"a packed array has at least {_HEAD.size} bytes, got {len(data)}")
    magic, version, code, sequence, ndim = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError(f"a packed array starts with {_MAGIC!r}, got {magic!r}")
    if version != VERSION:
        raise ValueError(f"can read version {VERSION} of packed arrays, got {version}")
    if code not in _TYPES:
        raise ValueError(f"a packed array's type is one of {sorted(_TYPES)}, got {code}")
    start = _HEAD.size + 4 * ndim
    if len(data) < start:
        raise ValueError(
            f"a packed array of {ndim} axes has at least {start} bytes, got {len(data)}"
        )
    shape = struct.unpack_from(f"<{ndim}I", data, _HEAD.size)
    start += -start % 8
    count = 1
    for size in shape:
        count *= size
    expected = start + count * _TYPES[code].itemsize
    if len(data) != expected:
        raise ValueError(f"a packed array of shape {shape} has {expected} bytes, got {len(data)}")
    return np.frombuffer(data, _TYPES[code], count, start).reshape(shape), sequence
