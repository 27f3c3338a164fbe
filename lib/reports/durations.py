"""How long something took, in words."""

from __future__ import annotations


def duration(seconds: float | None) -> str:
    """Seconds for people: `0.4 s`, `3 min 20 s`, `1 h 5 min`; a dash while it is not known."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
