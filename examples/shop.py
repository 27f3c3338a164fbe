"""An operational shop, day by day: its customers and its materials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random

from examples.clockwork import chance, instant

REGIONS = {"north": "101", "south": "102", "west": "301", "abroad": "201"}
SEGMENTS = ("consumer", "consumer", "business", "public")
# Names as they are: apostrophes, umlauts, commas, quotes, other scripts, emoji.
FIRST_WORDS = ("O'Brien", "Müller", "García", "Ångström", "Łukasz", "D'Amico", "Weiß", "Nguyễn", "佐藤")
SECOND_WORDS = (
    "& Sons", "GmbH, Köln", 'Café "Zur Post"', "S.à r.l.", "und Töchter", "Handel; Service", "🧀", "100 %",
)  # fmt: skip

CATEGORIES = {"Lighting": "piece", "Kitchen": "piece", "Paper": "box", "Textiles": "piece", "Grocery": "kg"}
COLOURS = ("red", "blue", "green", "oak", "white", "black")
THINGS = (
    "lantern",
    'mug, 8"',
    "card set",
    "tea towel",
    "coffee",
    "candle",
    "bowl",
    "napkins",
    "doormat",
    "salt",
)
FIRST_MATERIAL, MATERIALS = 10_001, 60
FIRST_CUSTOMER = 4_001

# What partners print on their invoices instead of our number; the last one is in no mapping.
PARTNER_CODES = {f"84-{number:03d}/A": f"M-{FIRST_MATERIAL + number * 3}" for number in range(12)}
UNMAPPED_CODE = "84-999/Z"


@dataclass(frozen=True, slots=True)
class Customer:
    """One row of the shop's table `customer`."""

    customer_id: int
    name: str
    region: str
    sales_group: str
    segment: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Material:
    """One row of the shop's table `material`; the price is in EUR, net, as text with up to four decimals."""

    material_id: str
    material_name: str
    category: str
    unit: str
    list_price: str
    updated_at: datetime


class Shop:
    """All customers and materials; `advance` lives through one day after the other."""

    def __init__(self, seed: int, first_day: date, customers: int) -> None:
        self._seed = seed
        self.customers: dict[int, Customer] = {}
        self.materials: dict[str, Material] = {}
        rng = chance(seed, "shop")
        for _ in range(max(customers, 10)):
            self._add_customer(_before(first_day, rng), rng)
        for _ in range(MATERIALS):
            self._add_material(_before(first_day, rng), rng)

    def advance(self, day: date) -> None:
        """One day: customers move and are renamed (some in the same second), materials change, new ones come.

        One new customer and, every fourth day, one new material sell today and are entered tomorrow.
        """
        rng = chance(self._seed, "shop", day)
        self._change_customers(day, rng)
        self._change_materials(day, rng)
        tomorrow = day + timedelta(days=1)
        for joined in (day, tomorrow):
            self._add_customer(instant(joined, rng), rng)
        if day.toordinal() % 4 == 0:
            self._add_material(instant(tomorrow, rng), rng)

    def customers_on(self, day: date) -> list[Customer]:
        """The customers that the database holds at the end of the day."""
        return [row for row in self.customers.values() if row.updated_at.date() <= day]

    def materials_on(self, day: date) -> list[Material]:
        """The materials that the database holds at the end of the day."""
        return [row for row in self.materials.values() if row.updated_at.date() <= day]

    def _change_customers(self, day: date, rng: Random) -> None:
        present = [row.customer_id for row in self.customers_on(day)]
        together = instant(day, rng)
        for number, customer_id in enumerate(rng.sample(present, k=max(3, len(present) // 60))):
            old = self.customers[customer_id]
            moment = together if number < 2 else instant(day, rng)
            if number % 3 == 2:
                new = replace(old, name=f"{old.name} (neu)"[:120], updated_at=moment)
            else:
                region = rng.choice([name for name in REGIONS if name != old.region])
                new = replace(old, region=region, sales_group=_group(region, old.segment), updated_at=moment)
            self.customers[customer_id] = new

    def _change_materials(self, day: date, rng: Random) -> None:
        present = sorted(row.material_id for row in self.materials_on(day))
        for material_id in rng.sample(present, k=2):
            old = self.materials[material_id]
            self.materials[material_id] = replace(old, list_price=_price(rng), updated_at=instant(day, rng))

    def _add_customer(self, joined: datetime, rng: Random) -> None:
        customer_id = FIRST_CUSTOMER + len(self.customers)
        region, segment = rng.choice(list(REGIONS)), rng.choice(SEGMENTS)
        name = f"{rng.choice(FIRST_WORDS)} {rng.choice(SECOND_WORDS)}"
        self.customers[customer_id] = Customer(customer_id, name, region, _group(region, segment), segment, joined)

    def _add_material(self, joined: datetime, rng: Random) -> None:
        material_id = f"M-{FIRST_MATERIAL + len(self.materials)}"
        category = rng.choice(list(CATEGORIES))
        name = f"{rng.choice(COLOURS)} {rng.choice(THINGS)}"
        self.materials[material_id] = Material(material_id, name, category, CATEGORIES[category], _price(rng), joined)


def _before(first_day: date, rng: Random) -> datetime:
    return instant(first_day - timedelta(days=rng.randrange(1, 400)), rng)


def _group(region: str, segment: str) -> str:
    return "202" if segment == "public" else REGIONS[region]


def _price(rng: Random) -> str:
    return f"{rng.randrange(50, 20_000) / 100:.2f}"
