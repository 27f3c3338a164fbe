"""XXH3, 64 bits, with a seed: the public algorithm of Yann Collet (xxhash specification), in Python.

Slow (some microseconds a call) and exact; DuckDB has no function that gives the same numbers.
"""

_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248e"
    "e03590e6813a264c3c2852bb91c300cb88d0658b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a"
    "51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8f"
    "f8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_M64 = 0xFFFFFFFFFFFFFFFF
_P32_1, _P32_2, _P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_MX1, _MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _fold(a: int, b: int) -> int:
    product = a * b
    return (product & _M64) ^ (product >> 64)


def _swap64(x: int) -> int:
    return int.from_bytes(x.to_bytes(8, "little"), "big")


def _avalanche(h: int) -> int:
    h = (h ^ h >> 37) * _MX1 & _M64
    return h ^ h >> 32


def _avalanche64(h: int) -> int:
    h = (h ^ h >> 33) * _P2 & _M64
    h = (h ^ h >> 29) * _P3 & _M64
    return h ^ h >> 32


def _mix16(data: bytes, at: int, secret: int, seed: int) -> int:
    low = _u64(data, at) ^ (_u64(_SECRET, secret) + seed) & _M64
    high = _u64(data, at + 8) ^ (_u64(_SECRET, secret + 8) - seed) & _M64
    return _fold(low, high)


def _short(data: bytes, seed: int) -> int:
    """Up to 16 bytes."""
    size = len(data)
    if size > 8:
        flip1 = (_u64(_SECRET, 24) ^ _u64(_SECRET, 32)) + seed & _M64
        flip2 = (_u64(_SECRET, 40) ^ _u64(_SECRET, 48)) - seed & _M64
        low, high = _u64(data, 0) ^ flip1, _u64(data, size - 8) ^ flip2
        return _avalanche(size + _swap64(low) + high + _fold(low, high) & _M64)
    if size >= 4:
        seed ^= int.from_bytes((seed & 0xFFFFFFFF).to_bytes(4, "little"), "big") << 32
        flip = (_u64(_SECRET, 8) ^ _u64(_SECRET, 16)) - seed & _M64
        keyed = flip ^ (_u32(data, size - 4) + (_u32(data, 0) << 32))
        rotated = (keyed << 49 | keyed >> 15) & _M64 ^ (keyed << 24 | keyed >> 40) & _M64
        h = (keyed ^ rotated) * _MX2 & _M64
        h = (h ^ (h >> 35) + size) * _MX2 & _M64
        return h ^ h >> 28
    if size:
        combined = data[0] << 16 | data[size >> 1] << 24 | data[-1] | size << 8
        flip = (_u32(_SECRET, 0) ^ _u32(_SECRET, 4)) + seed & _M64
        return _avalanche64(combined ^ flip)
    return _avalanche64(seed ^ _u64(_SECRET, 56) ^ _u64(_SECRET, 64))


def _middle(data: bytes, seed: int) -> int:
    """17 to 240 bytes."""
    size = len(data)
    h = size * _P1 & _M64
    if size <= 128:
        for step in range((size - 1) // 32, -1, -1):
            h += _mix16(data, 16 * step, 32 * step, seed) + _mix16(data, size - 16 * (step + 1), 32 * step + 16, seed)
        return _avalanche(h & _M64)
    for step in range(8):
        h += _mix16(data, 16 * step, 16 * step, seed)
    h = _avalanche(h & _M64)
    for step in range(8, size // 16):
        h += _mix16(data, 16 * step, 16 * (step - 8) + 3, seed)
    return _avalanche(h + _mix16(data, size - 16, 136 - 17, seed) & _M64)


def _accumulate(acc: list[int], data: bytes, at: int, secret: bytes, key: int) -> None:
    for lane in range(8):
        value = _u64(data, at + 8 * lane)
        keyed = value ^ _u64(secret, key + 8 * lane)
        acc[lane ^ 1] = acc[lane ^ 1] + value & _M64
        acc[lane] = acc[lane] + (keyed & 0xFFFFFFFF) * (keyed >> 32) & _M64


def _long(data: bytes, seed: int) -> int:
    """More than 240 bytes."""
    secret = b"".join(
        ((_u64(_SECRET, at) + seed) & _M64).to_bytes(8, "little")
        + ((_u64(_SECRET, at + 8) - seed) & _M64).to_bytes(8, "little")
        for at in range(0, 192, 16)
    )
    acc = [_P32_3, _P1, _P2, _P3, _P4, _P32_2, _P5, _P32_1]
    size, stripes = len(data), (192 - 64) // 8
    blocks = (size - 1) // (64 * stripes)
    for block in range(blocks):
        for stripe in range(stripes):
            _accumulate(acc, data, (block * stripes + stripe) * 64, secret, 8 * stripe)
        for lane in range(8):
            acc[lane] = (acc[lane] ^ acc[lane] >> 47 ^ _u64(secret, 128 + 8 * lane)) * _P32_1 & _M64
    for stripe in range((size - 1 - 64 * stripes * blocks) // 64):
        _accumulate(acc, data, (blocks * stripes + stripe) * 64, secret, 8 * stripe)
    _accumulate(acc, data, size - 64, secret, 192 - 64 - 7)
    h = size * _P1 & _M64
    for pair in range(4):
        h += _fold(acc[2 * pair] ^ _u64(secret, 11 + 16 * pair), acc[2 * pair + 1] ^ _u64(secret, 19 + 16 * pair))
    return _avalanche(h & _M64)


def xxh3_64(data: bytes, seed: int = 0) -> int:
    """The 64-bit hash, unsigned."""
    if len(data) <= 16:
        return _short(data, seed)
    return _middle(data, seed) if len(data) <= 240 else _long(data, seed)
