"""The shop's invoice lines, day by day: new ones, corrections, cancellations, late and repeated ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from examples.clockwork import chance
from examples.shop import PARTNER_CODES, UNMAPPED_CODE, Shop

# The columns of a drop, in their order: the fields of Line.
COLUMNS = (
    "invoice_no", "line_no", "invoice_date", "version", "status", "customer_id",
    "material_id", "material_code", "quantity", "unit_price", "note",
)  # fmt: skip
NOTES = (
    'Kunde sagt: "passt so"',
    "Lieferung\nnach 18 Uhr",
    "gift 🎁, please wrap",
    "O'Brien's order; paid",
    "½ price - façade damaged",
    "C:\\Neu\\Texte",
    "  two blanks around  ",
    "tab\there",
    "100 %; \\t is not a tab",
    "NULL and void",
)
CORRECTED_SHARE = 0.01
CANCELLED_SHARE = 0.02
LATE_SHARE = 0.02
REPEATED_SHARE = 0.01
REMEMBERED_DAYS = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One invoice line in one version, every value as the till prints it; empty = it does not know."""

    invoice_no: str
    line_no: str
    invoice_date: str
    version: str
    status: str
    customer_id: str
    material_id: str
    material_code: str
    quantity: str
    unit_price: str
    note: str

    def values(self) -> list[str]:
        """Its values in the order of COLUMNS."""
        return [getattr(self, name) for name in COLUMNS]


class Till:
    """The invoices of a shop; `advance` gives the lines of one day's drop after the other."""

    def __init__(self, seed: int, shop: Shop) -> None:
        self._seed = seed
        self._shop = shop
        self._late: dict[date, list[Line]] = {}
        self._recent: dict[date, dict[tuple[str, str], Line]] = {}

    def advance(self, day: date, lines: int) -> list[Line]:
        """The day's drop: about `lines` new lines, and what happened to those of the days before."""
        rng = chance(self._seed, "till", day)
        changed = self._change(rng, lines)
        billed = self._bill(day, lines, rng)
        self._recent[day] = {(line.invoice_no, line.line_no): line for line in billed}
        self._recent.pop(day - timedelta(days=REMEMBERED_DAYS), None)
        drop = [*self._late.pop(day, []), *changed]
        for line in billed:
            drop.extend(self._deliver(day, line, rng))
        return drop

    def _bill(self, day: date, wanted: int, rng: Random) -> list[Line]:
        found: list[Line] = []
        customers = sorted(self._shop.customers)
        newest = customers[-1]
        for number in range(1, wanted + 1):
            if len(found) >= wanted:
                break
            customer = newest if number == 1 else rng.choice(customers)
            known = str(customer) if number == 1 or rng.random() < 0.9 else rng.choice(("", "NULL"))
            for line_no in range(1, rng.randint(1, 6) + 1):
                found.append(self._line(day, number, line_no, known, rng))
        return found

    def _line(self, day: date, number: int, line_no: int, customer: str, rng: Random) -> Line:
        materials = sorted(self._shop.materials)
        material = materials[-1] if number == 1 else rng.choice(materials)
        code = material
        if customer in ("", "NULL") and rng.random() < 0.3:
            material, code = "", rng.choice([*PARTNER_CODES, UNMAPPED_CODE])
        quantity = rng.randint(1, 20) if rng.random() < 0.97 else -rng.randint(1, 3)
        listed = self._shop.materials[material].list_price if material else rng.randrange(1, 90)
        return Line(
            invoice_no=f"R{day:%y%m%d}-{number:05d}",
            line_no=str(line_no),
            invoice_date=day.isoformat(),
            version="1",
            status="active",
            customer_id=customer,
            material_id=material,
            material_code=code,
            quantity=str(quantity),
            unit_price=_written(float(listed) * rng.choice((1, 1, 1, 0.95, 0.875)), rng),
            note=rng.choice(NOTES) if rng.random() < 0.12 else "",
        )

    def _change(self, rng: Random, lines: int) -> list[Line]:
        """Corrections and cancellations; now and then the till forgets to set a cancelled quantity to 0."""
        known = [(day, key) for day, found in self._recent.items() for key in found]
        changed: list[Line] = []
        wanted = min(len(known), round(lines * (CORRECTED_SHARE + CANCELLED_SHARE)))
        for day, key in rng.sample(known, k=wanted):
            old = self._recent[day][key]
            if old.status == "cancelled":
                continue
            new = replace(old, version=str(int(old.version) + 1))
            if rng.random() < CORRECTED_SHARE / (CORRECTED_SHARE + CANCELLED_SHARE):
                new = replace(new, quantity=str(rng.randint(1, 20)))
            else:
                new = replace(new, status="cancelled", quantity=old.quantity if rng.random() < 0.05 else "0")
            self._recent[day][key] = new
            changed.append(new)
        return changed

    def _deliver(self, day: date, line: Line, rng: Random) -> Sequence[Line]:
        if rng.random() < LATE_SHARE:
            self._late.setdefault(day + timedelta(days=rng.randint(1, 3)), []).append(line)
            return []
        if rng.random() < REPEATED_SHARE:
            if rng.random() < 0.5:
                return [line, line]
            self._late.setdefault(day + timedelta(days=1), []).append(line)
        return [line]


def _written(price: float, rng: Random) -> str:
    """The price with as many decimals as this till happens to print: 2 to 4."""
    return f"{price:.{rng.choice((2, 2, 3, 4))}f}"
