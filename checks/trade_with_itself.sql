-- purpose:  trades whose buyer is their seller
-- owner:    market-surveillance
-- severity: WARNING
--
-- The matching engine knows orders, not people, so nobody else looks.

SELECT trade_date, trade_id, buy_user_id, price, quantity
FROM fact_trade
WHERE buy_user_id = sell_user_id;
