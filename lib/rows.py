"""How many rows a step or a run has read, loaded, met again and put aside."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class Rows:
    """Row counts; add them up with `+=`. read = loaded + repeated + quarantined for every finished load."""

    read: int = 0
    loaded: int = 0
    repeated: int = 0
    quarantined: int = 0

    def __iadd__(self, other: Rows) -> Rows:
        self.read += other.read
        self.loaded += other.loaded
        self.repeated += other.repeated
        self.quarantined += other.quarantined
        return self

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)

    def told(self) -> str:
        """The counts that are not zero, for a person."""
        words = [f"{self.loaded:,} loaded"] if self.loaded else []
        words += [f"{self.repeated:,} known"] if self.repeated else []
        words += [f"{self.quarantined:,} in quarantine"] if self.quarantined else []
        return ", ".join(words) or (f"{self.read:,} read" if self.read else "nothing new")
