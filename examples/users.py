"""The users of the exchange, day by day: they come, and they change tier."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from examples.clockwork import chance, instant
from examples.matching_engine import U64_MAX

COUNTRIES = {
    "AT": "europe", "CH": "europe", "DE": "europe", "FR": "europe", "NO": "europe",
    "BR": "americas", "CA": "americas", "US": "americas",
    "IN": "asia", "JP": "asia", "SG": "asia",
}  # fmt: skip
TIERS = ("basic", "basic", "basic", "silver", "silver", "gold", "market")
# Accounts of the first hours have ids from the top of the range: beyond BIGINT, beyond a double's 53 bits.
OLDEST = (U64_MAX, U64_MAX - 1, 2**63, 2**63 + 1)
FIRST_ID = 100_001


@dataclass(frozen=True, slots=True)
class User:
    """One account, as the exchange's database knows it."""

    user_id: int
    country: str
    region: str
    tier: str
    updated_at: datetime


class Users:
    """All accounts; `advance` lives through one day after the other."""

    def __init__(self, seed: int, first_day: date, count: int) -> None:
        self._seed = seed
        self._next_id = FIRST_ID
        self.all: dict[int, User] = {}
        rng = chance(seed, "users")
        for number in range(max(count, len(OLDEST) + 1)):
            joined = instant(first_day - timedelta(days=rng.randrange(1, 300)), rng)
            self._join(OLDEST[number] if number < len(OLDEST) else None, joined, rng.choice(list(COUNTRIES)))

    def advance(self, day: date) -> None:
        """One day: some change tier (two in the same second), one joins, one will be registered tomorrow."""
        rng = chance(self._seed, "users", day)
        moment = instant(day, rng)
        changing = rng.sample(sorted(self.all), k=max(2, len(self.all) // 80))
        for number, user_id in enumerate(changing):
            old = self.all[user_id]
            tier = rng.choice([tier for tier in sorted(set(TIERS)) if tier != old.tier])
            changed = moment if number < 2 else instant(day, rng)
            self.all[user_id] = replace(old, tier=tier, updated_at=max(changed, old.updated_at))
        self._join(None, instant(day, rng), rng.choice(list(COUNTRIES)))
        self._join(None, instant(day + timedelta(days=1), rng), rng.choice(list(COUNTRIES)))

    def registered(self, day: date) -> list[User]:
        """Those that the exchange's database holds at the end of the day."""
        return [user for user in self.all.values() if user.updated_at.date() <= day]

    def _join(self, user_id: int | None, joined: datetime, country: str) -> None:
        if user_id is None:
            user_id = self._next_id
            self._next_id += 1
        tier = chance(self._seed, "tier", user_id).choice(TIERS)
        self.all[user_id] = User(user_id, country, COUNTRIES[country], tier, joined)
