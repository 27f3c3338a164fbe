"""Brings all sources to the state that they have at the end of a business day.

`python -m examples.fill --until DATE`. A day's content is a function of seed and day alone: filling up to
Wednesday gives the same as filling up to Monday and then up to Wednesday; filling twice changes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

from examples import databases, drops
from examples.clockwork import days
from examples.invoices import Till
from examples.shop import Shop
from examples.trades import Market, Message, produce
from examples.users import Users

TRADES_A_DAY = 1000
LINES_A_DAY = 1000
USERS = 200
CUSTOMERS = 300
PROGRESS = "filled.json"


@dataclass(frozen=True, slots=True)
class Filled:
    """What one call of `Sources.fill` added or brought up to date."""

    customers: int
    materials: int
    users: int
    files: int
    messages: int


@dataclass(frozen=True, slots=True)
class Sources:
    """The sample sources below one directory, and the broker that carries the trades.

    `scale` 1.0 is about 1000 invoice lines and 1000 trades a day. On `bad_days` the drop holds bad rows, on
    `poison_days` the topic holds messages that are no trades. Without `bootstrap_servers`, no trades.
    """

    directory: Path
    first_day: date
    bootstrap_servers: str = ""
    scale: float = 1.0
    seed: int = 1
    bad_days: frozenset[date] = frozenset()
    poison_days: frozenset[date] = frozenset()

    def fill(self, day: date) -> Filled:
        """Brings every source to its state at the end of `day`; raises `ValueError` before the first day."""
        if day < self.first_day:
            raise ValueError(f"{day} is before the first day {self.first_day}")
        shop, users, files = self._live(day)
        customers, materials = shop.customers_on(day), shop.materials_on(day)
        databases.write_shop(self.directory / "shop.db", customers, materials)
        databases.write_exchange(self.directory / "exchange.db", users.registered(day))
        sent = self._trade(day) if self.bootstrap_servers else 0
        return Filled(len(customers), len(materials), len(users.registered(day)), files, sent)

    def settings(self) -> dict[str, str]:
        """The settings with which the jobs find these sources."""
        found = {
            "SOURCE_DIR": str(self.directory),
            "CONNECTION_SHOP": f"sqlite:///{self.directory.absolute() / 'shop.db'}",
            "CONNECTION_EXCHANGE": f"sqlite:///{self.directory.absolute() / 'exchange.db'}",
        }
        return {**found, "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers} if self.bootstrap_servers else found

    def _live(self, until: date) -> tuple[Shop, Users, int]:
        """Lives through all days and writes the drops that are not there yet."""
        shop = Shop(self.seed, self.first_day, round(CUSTOMERS * self.scale))
        users = self._users()
        till, written = Till(self.seed, shop), 0
        for day in days(self.first_day, until):
            shop.advance(day)
            users.advance(day)
            lines = till.advance(day, max(1, round(LINES_A_DAY * self.scale)))
            target = drops.path(self.directory, day)
            if not target.exists():
                drops.write(target, day, lines, bad=day in self.bad_days, seed=self.seed)
                written += 1
        return shop, users, written

    def _users(self) -> Users:
        return Users(self.seed, self.first_day, round(USERS * self.scale))

    def _trade(self, until: date) -> int:
        """Produces the messages of the days that have not been produced to this broker yet."""
        progress = self.directory / PROGRESS
        done = json.loads(progress.read_text()) if progress.exists() else {}
        last = date.fromisoformat(done[self.bootstrap_servers]) if self.bootstrap_servers in done else None
        sent = 0
        for day, messages in self._messages(until):
            if last is None or day > last:
                sent += produce(self.bootstrap_servers, messages)
                done[self.bootstrap_servers] = day.isoformat()
                progress.write_text(json.dumps(done))
        return sent

    def _messages(self, until: date) -> list[tuple[date, list[Message]]]:
        users, market = self._users(), Market(self.seed)
        found = []
        for day in days(self.first_day, until):
            users.advance(day)
            trades = max(1, round(TRADES_A_DAY * self.scale))
            found.append((day, market.advance(day, sorted(users.all), trades, poison=day in self.poison_days)))
        return found


def main() -> None:
    """The command line of `Sources.fill`; prints what it did as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m examples.fill", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--until", type=date.fromisoformat, required=True, help="last business day, YYYY-MM-DD")
    parser.add_argument("--first-day", type=date.fromisoformat, help="first business day (default: 20 days before)")
    parser.add_argument("--directory", type=Path, default=Path(os.environ.get("SOURCE_DIR", "sources")))
    parser.add_argument("--bootstrap-servers", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", ""))
    parser.add_argument("--scale", type=float, default=1.0, help="1.0: about 1000 invoice lines and trades a day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bad-day", type=date.fromisoformat, action="append", default=[], help="drop with bad rows")
    parser.add_argument("--poison-day", type=date.fromisoformat, action="append", default=[], help="bad messages")
    given = parser.parse_args()
    sources = Sources(
        directory=given.directory,
        first_day=given.first_day or given.until - timedelta(days=20),
        bootstrap_servers=given.bootstrap_servers,
        scale=given.scale,
        seed=given.seed,
        bad_days=frozenset(given.bad_day),
        poison_days=frozenset(given.poison_day),
    )
    print(json.dumps(asdict(sources.fill(given.until))))


if __name__ == "__main__":
    main()
