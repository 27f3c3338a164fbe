"""How many rows a step or a run has read, loaded, met again and put aside."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class Rows:
    """Row counts; add them up with `+=`. read = loaded + repeated + quarantined for every load that became visible.

    `standing`: those of `quarantined` that are no news, because they wait in quarantine or have been dismissed already.
    """

    read: int = 0
    loaded: int = 0
    repeated: int = 0
    quarantined: int = 0
    standing: int = 0

    def __iadd__(self, other: Rows) -> Rows:
        self.read += other.read
        self.loaded += other.loaded
        self.repeated += other.repeated
        self.quarantined += other.quarantined
        self.standing += other.standing
        return self

    @property
    def put_aside(self) -> int:
        """Rows in quarantine that somebody has to be told of."""
        return self.quarantined - self.standing

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)

    def told(self) -> str:
        """The counts that are not zero, for a person."""
        words = [f"{self.loaded:,} loaded"] if self.loaded else []
        words += [f"{self.repeated:,} known"] if self.repeated else []
        words += [f"{self.put_aside:,} in quarantine"] if self.put_aside else []
        words += [f"{self.standing:,} in quarantine as before"] if self.standing else []
        return ", ".join(words) or (f"{self.read:,} read" if self.read else "nothing new")
