-- purpose: trades for reports: each with what buyer and seller were at that instant, and with the fees that follow from it
-- owner:   data-platform
--
-- notional is DECIMAL(38,0), not LARGEINT: the product of two u64 can pass 2^127, where LARGEINT wraps to a wrong number without a word
-- while DECIMAL gives NULL. Up to 10^38 it is exact. A view that says nothing is better than one that lies.
-- The order that entered first rested in the book (maker), the other one met it (taker), order ids ascend with the time of entry.

CREATE OR REPLACE VIEW v_trade
COMMENT "One row per trade, notional and fees in minor units"
AS
SELECT
    x.trade_date,
    x.trade_id,
    x.match_seq,
    x.settled_at,
    x.price,
    x.quantity,
    x.notional,
    x.buy_order_id,
    x.sell_order_id,
    x.buyer_is_maker,
    x.buy_user_id,
    b.country AS buy_country,
    b.region AS buy_region,
    b.tier AS buy_tier,
    x.sell_user_id,
    s.country AS sell_country,
    s.region AS sell_region,
    s.tier AS sell_tier,
    x.notional * if(x.buyer_is_maker, bf.maker_fee_bps, bf.taker_fee_bps) * 0.0001 AS buy_fee,
    x.notional * if(x.buyer_is_maker, sf.taker_fee_bps, sf.maker_fee_bps) * 0.0001 AS sell_fee
FROM (
    SELECT
        trade_date, trade_id, match_seq, settled_at, price, quantity, buy_order_id, sell_order_id, buy_user_id, sell_user_id,
        buy_order_id < sell_order_id AS buyer_is_maker,
        CAST(CAST(price AS DECIMAL(20,0)) * CAST(quantity AS DECIMAL(20,0)) AS DECIMAL(38,0)) AS notional
    FROM fact_trade
) x
LEFT JOIN v_user_history b
    ON b.user_id = x.buy_user_id AND b.known_from <= x.settled_at AND x.settled_at < b.valid_to
LEFT JOIN v_user_history s
    ON s.user_id = x.sell_user_id AND s.known_from <= x.settled_at AND x.settled_at < s.valid_to
LEFT JOIN dim_fee_tier bf ON bf.tier = b.tier
LEFT JOIN dim_fee_tier sf ON sf.tier = s.tier;
