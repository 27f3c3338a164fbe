"""Functions that DuckDB has not, in Python: murmur_hash3_32, xx_hash3_64, crc32, and changes of JSON documents.

The algorithms are public: MurmurHash3 x86 32 bit (Austin Appleby), XXH3 64 bit (Yann Collet); which seed and how
several arguments are chained: `be/src/exprs/hash_functions.h` in StarRocks' repository.
"""

import importlib.util
import time
import zlib

import duckdb

from emulator.functions import documents_native
from emulator.functions.xxh3 import xxh3_64

_M32 = 0xFFFFFFFF
NAMES = frozenset(
    {"murmur_hash3_32", "xx_hash3_64", "crc32", "json_set", "json_remove", "json_contains", "json_pretty", "sleep"}
)
AVAILABLE = importlib.util.find_spec("numpy") is not None
MURMUR_SEED = 104729


def murmur3_32(data: bytes, seed: int = MURMUR_SEED) -> int:
    """MurmurHash3, 32 bits, unsigned."""
    h = seed
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        h ^= _mix(int.from_bytes(data[at : at + 4], "little"))
        h = ((h << 13 | h >> 19) & _M32) * 5 + 0xE6546B64 & _M32
    if len(data) > whole:
        h ^= _mix(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & _M32
    h = (h ^ h >> 13) * 0xC2B2AE35 & _M32
    return h ^ h >> 16


def _mix(k: int) -> int:
    k = k * 0xCC9E2D51 & _M32
    k = (k << 15 | k >> 17) & _M32
    return k * 0x1B873593 & _M32


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def _murmur(values: list[str | None]) -> int | None:
    """Arguments are chained: the hash of one is the seed of the next; NULL when one is NULL."""
    h = MURMUR_SEED
    for value in values:
        if value is None:
            return None
        h = murmur3_32(value.encode(), h)
    return _signed(h, 32)


def _xxh3(values: list[str | None]) -> int | None:
    h = 0
    for value in values:
        if value is None:
            return None
        h = xxh3_64(value.encode(), h)
    return _signed(h, 64)


def _crc32(value: str | None) -> int | None:
    return zlib.crc32(value.encode()) if value is not None else None


def _sleep(seconds: int | None) -> bool | None:
    if seconds is None:
        return None
    time.sleep(max(0, seconds))
    return True


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions known to every cursor of `connection`.

    DuckDB calls Python through numpy: without it the functions are missing, and refused by name.
    """
    if not AVAILABLE:
        connection.execute("create or replace macro memory.main.sr_json_print(t) as t")
        return
    for name, function, parameters, returns in (
        ("sr_murmur_hash3_32", _murmur, ["VARCHAR[]"], "INTEGER"),
        ("sr_xx_hash3_64", _xxh3, ["VARCHAR[]"], "BIGINT"),
        ("sr_crc32", _crc32, ["VARCHAR"], "BIGINT"),
        ("sr_sleep", _sleep, ["BIGINT"], "BOOLEAN"),
        ("sr_json_set", documents_native.json_set, ["VARCHAR", "VARCHAR[]"], "JSON"),
        ("sr_json_remove", documents_native.json_remove, ["VARCHAR", "VARCHAR[]"], "JSON"),
        ("sr_json_contains", documents_native.json_contains, ["VARCHAR", "VARCHAR"], "BOOLEAN"),
        ("sr_json_print", documents_native.json_print, ["VARCHAR"], "VARCHAR"),
        ("sr_json_pretty", documents_native.json_pretty, ["VARCHAR"], "VARCHAR"),
    ):
        connection.create_function(name, function, parameters, returns, null_handling="special")  # type: ignore[call-overload]
