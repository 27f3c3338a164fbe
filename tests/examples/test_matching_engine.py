"""The example's matching engine: price-time priority, conservation of quantity, no trade through."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.matching_engine import U64_MAX, MatchingEngine, Side, Trade


@dataclass(frozen=True)
class Limit:
    side: Side
    price: int
    quantity: int
    cancels: int | None


limits = st.builds(
    Limit,
    side=st.sampled_from(["buy", "sell"]),
    price=st.integers(95, 105),
    quantity=st.integers(1, 20),
    cancels=st.one_of(st.none(), st.integers(0, 40)),
)
flows = st.lists(limits, max_size=60)


def play(engine: MatchingEngine, flow: list[Limit]) -> tuple[list[Trade], dict[int, Limit], dict[int, int]]:
    """All trades, the orders by id, and the lots that were cancelled of each."""
    trades: list[Trade] = []
    orders: dict[int, Limit] = {}
    cancelled: dict[int, int] = {}
    for number, limit in enumerate(flow):
        order_id, caused = engine.submit(user_id=number, side=limit.side, price=limit.price, quantity=limit.quantity)
        orders[order_id] = limit
        trades.extend(caused)
        if limit.cancels is not None:
            cancelled[limit.cancels] = cancelled.get(limit.cancels, 0) + engine.cancel(limit.cancels)
    return trades, orders, cancelled


def naive(flow: list[Limit]) -> list[tuple[int, int, int, int]]:
    """The same, written as the rule reads: buy order, sell order, price and quantity of each trade."""
    book: list[list[int | str]] = []  # id, side, price, open quantity
    trades: list[tuple[int, int, int, int]] = []
    for number, limit in enumerate(flow, start=1):
        left = limit.quantity
        sign = 1 if limit.side == "buy" else -1
        rivals = [row for row in book if row[1] != limit.side and sign * int(row[2]) <= sign * limit.price]
        for row in sorted(rivals, key=lambda row: (sign * int(row[2]), int(row[0]))):
            lots = min(left, int(row[3]))
            if lots:
                pair = (number, int(row[0])) if limit.side == "buy" else (int(row[0]), number)
                trades.append((*pair, int(row[2]), lots))
                row[3] = int(row[3]) - lots
                left -= lots
        book.append([number, limit.side, limit.price, left])
        for row in book:
            if row[0] == limit.cancels:
                row[3] = 0
    return trades


@given(flows)
def test_best_price_first_and_oldest_first_within_a_price(flow: list[Limit]) -> None:
    trades, _, _ = play(MatchingEngine(), flow)
    assert [(t.buy_order_id, t.sell_order_id, t.price, t.quantity) for t in trades] == naive(flow)


@given(flows)
def test_every_lot_is_traded_cancelled_or_open(flow: list[Limit]) -> None:
    engine = MatchingEngine()
    trades, orders, cancelled = play(engine, flow)
    open_lots = {order.order_id: order.quantity for side in ("buy", "sell") for order in engine.book(side)}
    for order_id, limit in orders.items():
        traded = sum(t.quantity for t in trades if order_id in (t.buy_order_id, t.sell_order_id))
        assert traded + cancelled.get(order_id, 0) + open_lots.get(order_id, 0) == limit.quantity


@given(flows)
def test_no_trade_outside_the_limits_and_no_crossed_book(flow: list[Limit]) -> None:
    engine = MatchingEngine()
    trades, orders, _ = play(engine, flow)
    for trade in trades:
        assert orders[trade.sell_order_id].price <= trade.price <= orders[trade.buy_order_id].price
        assert trade.price == orders[min(trade.buy_order_id, trade.sell_order_id)].price
    bids, asks = engine.book("buy"), engine.book("sell")
    assert not (bids and asks) or bids[0].price < asks[0].price


@given(flows)
def test_ids_ascend_one_by_one_across_two_to_the_63(flow: list[Limit]) -> None:
    trades, _, _ = play(MatchingEngine(first_trade_id=2**63 - 2), flow)
    assert [t.trade_id for t in trades] == list(range(2**63 - 2, 2**63 - 2 + len(trades)))
    assert [t.match_seq for t in trades] == list(range(1, len(trades) + 1))


@pytest.mark.parametrize(("price", "quantity"), [(0, 1), (1, 0), (U64_MAX + 1, 1), (1, U64_MAX + 1), (-1, 1)])
def test_values_that_are_no_u64_are_refused(price: int, quantity: int) -> None:
    engine = MatchingEngine()
    with pytest.raises(ValueError, match="outside 1"):
        engine.submit(1, "buy", price, quantity)
    assert engine.book("buy") == []
