"""Zip archives that lost their directory: it is made again from the header before each entry.

The layout is that of PKWARE's APPNOTE 6.3.10, sections 4.3.7 (entry header), 4.3.9 (data descriptor),
4.3.12 (directory record) and 4.3.16 (end of directory).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from pisama.limits import Limits
from pisama.loaders.decompression import bomb

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_SIGN = b"PK\x03\x04"
_DESCRIPTOR_SIGN = b"PK\x07\x08"
_SIZES_FOLLOW = 8
"""Flag of an entry whose sizes stand behind its data, because its writer could not go back."""
_DEFLATED = 8
_IN_EXTRA = 0xFFFFFFFF
"""In place of a size that needs eight bytes and stands in the extra field (zip64)."""
_VERSION = 63
_MOST = 0xFFFF
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class _Entry:
    flags: int
    method: int
    time: int
    date: int
    checksum: int
    compressed: int
    size: int
    name: bytes
    offset: int
    data: int
    """Where its data begins."""


def with_directory(data: bytes, limits: Limits) -> bytes:
    """The archive up to its last whole entry, with a directory; empty when no entry is whole."""
    records: list[bytes] = []
    place = 0
    while len(records) < _MOST:
        entry = _entry_at(data, place, limits)
        if entry is None or entry.data + entry.compressed > len(data):
            break
        records.append(_record(entry))
        place = entry.data + entry.compressed
        if entry.flags & _SIZES_FOLLOW:
            place += _descriptor_length(data, place)
    if not records:
        return b""
    directory = b"".join(records)
    count = len(records)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), place, 0)
    return data[:place] + directory + end


def _entry_at(data: bytes, place: int, limits: Limits) -> _Entry | None:
    if data[place : place + 4] != _LOCAL_SIGN or place + _LOCAL.size > len(data):
        return None
    header = _LOCAL.unpack_from(data, place)
    _, _, flags, method, time, date, checksum, compressed, size, name_length, extra_length = header
    names = place + _LOCAL.size
    begin = names + name_length + extra_length
    if flags & _SIZES_FOLLOW and not compressed:
        measured = _measured(data, begin, limits) if method == _DEFLATED else None
        if measured is None:
            return None
        compressed, size, checksum = measured
    elif _IN_EXTRA in (compressed, size):
        wide = _wide_sizes(data[names + name_length : begin])
        if wide is None:
            return None
        size, compressed = wide
    elif not compressed and size:
        return None
    if max(size, compressed) >= _IN_EXTRA:
        return None
    name = data[names : names + name_length]
    return _Entry(flags, method, time, date, checksum, compressed, size, name, place, begin)


def _measured(data: bytes, begin: int, limits: Limits) -> tuple[int, int, int] | None:
    """Compressed size, size and checksum of deflated data whose end is not recorded before it."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    place, size, checksum = begin, 0, 0
    while not stream.eof:
        piece = data[place : place + _BLOCK]
        try:
            block = stream.decompress(piece, 16 * _BLOCK)
        except zlib.error:
            return None
        if not piece and not block:
            return None
        place += len(piece) - len(stream.unconsumed_tail) - len(stream.unused_data)
        size += len(block)
        checksum = zlib.crc32(block, checksum)
        if bomb(size, len(data), limits):
            return None
    return place - begin, size, checksum


def _wide_sizes(extra: bytes) -> tuple[int, int] | None:
    """Size and compressed size in the zip64 part of an extra field."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 1 and length >= 16 and len(extra) >= 20:
            size, compressed = struct.unpack_from("<QQ", extra, 4)
            return size, compressed
        extra = extra[4 + length :]
    return None


def _descriptor_length(data: bytes, place: int) -> int:
    """Bytes of the sizes behind an entry: with or without a sign, of four or eight bytes each."""
    sign = 4 if data[place : place + 4] == _DESCRIPTOR_SIGN else 0
    for length in (12, 20):
        after = place + sign + length
        if after == len(data) or data[after : after + 2] == b"PK":
            return sign + length
    return sign + 12


def _record(entry: _Entry) -> bytes:
    fixed = (_VERSION, _VERSION, entry.flags & ~_SIZES_FOLLOW, entry.method, entry.time, entry.date)
    sizes = (entry.checksum, entry.compressed, entry.size)
    return (
        _CENTRAL.pack(b"PK\x01\x02", *fixed, *sizes, len(entry.name), 0, 0, 0, 0, 0, entry.offset)
        + entry.name
    )
