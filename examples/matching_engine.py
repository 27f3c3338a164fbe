"""A price-time-priority matching engine: limit orders in, trades out.

One book, one instrument. Prices are whole minor units, quantities whole lots, ids unsigned 64-bit numbers.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

U64_MAX = 2**64 - 1

Side = Literal["buy", "sell"]


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution; the fields and their order are those of a message on `trade.history`."""

    trade_id: int
    match_seq: int
    buy_order_id: int
    sell_order_id: int
    buy_user_id: int
    sell_user_id: int
    price: int
    quantity: int


@dataclass(slots=True)
class Order:
    """A limit order; `quantity` is what is still open of it."""

    order_id: int
    user_id: int
    side: Side
    price: int
    quantity: int


@dataclass(slots=True)
class _Half:
    """One side of the book: a queue of orders a price, and a heap that knows the best price."""

    rank: Callable[[int], int]
    levels: dict[int, deque[Order]] = field(default_factory=dict)
    heap: list[int] = field(default_factory=list)

    def add(self, order: Order) -> None:
        if order.price not in self.levels:
            self.levels[order.price] = deque()
            heapq.heappush(self.heap, self.rank(order.price))
        self.levels[order.price].append(order)

    def best(self) -> Order | None:
        """The order that is first in line: best price, then oldest. Drops what is spent as it meets it."""
        while self.heap:
            price = self.rank(self.heap[0])
            level = self.levels[price]
            while level and not level[0].quantity:
                level.popleft()
            if level:
                return level[0]
            del self.levels[price]
            heapq.heappop(self.heap)
        return None

    def orders(self) -> list[Order]:
        """Every open order, first in line first."""
        prices = sorted(self.levels, key=self.rank)
        return [order for price in prices for order in self.levels[price] if order.quantity]


class MatchingEngine:
    """Matches each incoming order against the opposite side of the book, then rests what is left of it.

    Ids of orders and trades ascend from the given starts. The engine knows orders, not people: it does not
    prevent a user from trading with itself.
    """

    def __init__(self, first_order_id: int = 1, first_trade_id: int = 1) -> None:
        self._next_order_id = first_order_id
        self._next_trade_id = first_trade_id
        self._match_seq = 0
        self._bids = _Half(rank=lambda price: -price)
        self._asks = _Half(rank=lambda price: price)
        self._open: dict[int, Order] = {}

    def submit(self, user_id: int, side: Side, price: int, quantity: int) -> tuple[int, list[Trade]]:
        """Enters a limit order; returns its id and the trades that it caused, in their order.

        Raises `ValueError` for a price or quantity outside 1..2^64-1.
        """
        for name, value in (("price", price), ("quantity", quantity)):
            if not 1 <= value <= U64_MAX:
                raise ValueError(f"{name} {value} is outside 1..{U64_MAX}")
        order = Order(self._next_order_id, user_id, side, price, quantity)
        self._next_order_id += 1
        trades = self._match(order)
        if order.quantity:
            self._half(side).add(order)
            self._open[order.order_id] = order
        return order.order_id, trades

    def cancel(self, order_id: int) -> int:
        """Takes an order out of the book; returns the lots that were still open, 0 for no such order."""
        order = self._open.pop(order_id, None)
        if order is None:
            return 0
        left, order.quantity = order.quantity, 0
        return left

    def book(self, side: Side) -> list[Order]:
        """The open orders of one side, first in line first."""
        return self._half(side).orders()

    def _half(self, side: Side) -> _Half:
        return self._bids if side == "buy" else self._asks

    def _match(self, taker: Order) -> list[Trade]:
        opposite = self._half("sell" if taker.side == "buy" else "buy")
        trades: list[Trade] = []
        while taker.quantity and (maker := opposite.best()) is not None and _crosses(taker, maker):
            trades.append(self._execute(taker, maker))
        return trades

    def _execute(self, taker: Order, maker: Order) -> Trade:
        quantity = min(taker.quantity, maker.quantity)
        buyer, seller = (taker, maker) if taker.side == "buy" else (maker, taker)
        self._match_seq += 1
        trade = Trade(
            trade_id=self._next_trade_id,
            match_seq=self._match_seq,
            buy_order_id=buyer.order_id,
            sell_order_id=seller.order_id,
            buy_user_id=buyer.user_id,
            sell_user_id=seller.user_id,
            price=maker.price,
            quantity=quantity,
        )
        self._next_trade_id += 1
        taker.quantity -= quantity
        maker.quantity -= quantity
        if not maker.quantity:
            del self._open[maker.order_id]
        return trade


def _crosses(taker: Order, maker: Order) -> bool:
    return taker.price >= maker.price if taker.side == "buy" else taker.price <= maker.price
