-- purpose:  trades whose buyer is their seller: the matching engine knows orders, not people, so nobody else looks
-- owner:    market-surveillance
-- severity: WARNING

SELECT trade_date, trade_id, buy_user_id, price, quantity
FROM fact_trade
WHERE buy_user_id = sell_user_id;
