"""Names of StarRocks' functions, to tell an unknown name from one that is not done here."""

from pathlib import Path

KNOWN = frozenset(Path(__file__).with_name("known.txt").read_text().split())
