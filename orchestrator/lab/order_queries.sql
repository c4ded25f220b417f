-- The order service's own check of its data, as one JSON object. A copy is good when gaps, unbalanced_orders and the two
-- differences are 0.
--   gaps                       numbers missing within one timeline (between timelines the numbering jumps on purpose)
--   unbalanced_orders          orders whose lines do not add up to their total
--   ledger_difference_cents    ledger minus all lines
--   balance_difference_cents   the account's balance minus all lines
--   age_s                      seconds since the newest order
WITH numbered AS (
    SELECT number, number - lag(number) OVER (PARTITION BY timeline ORDER BY number) AS distance FROM orders
), lines AS (
    SELECT order_number, sum(amount_cents) AS amount FROM order_lines GROUP BY order_number
), sums AS (
    SELECT coalesce((SELECT sum(amount) FROM lines), 0) AS by_lines,
           coalesce((SELECT sum(amount_cents) FROM ledger), 0) AS by_ledger,
           (SELECT balance_cents FROM account WHERE name = 'receivables') AS by_balance
)
SELECT json_build_object(
    'orders', (SELECT count(*) FROM orders),
    'last_number', (SELECT coalesce(max(number), 0) FROM orders),
    'total_cents', by_lines,
    'gaps', (SELECT coalesce(sum(distance - 1), 0) FROM numbered WHERE distance > 1),
    'unbalanced_orders', (SELECT count(*) FROM orders LEFT JOIN lines ON order_number = number
                           WHERE amount IS DISTINCT FROM total_cents),
    'ledger_difference_cents', by_ledger - by_lines,
    'balance_difference_cents', by_balance - by_lines,
    'last_placed_at', (SELECT max(placed_at) FROM orders),
    'age_s', (SELECT round(extract(epoch FROM clock_timestamp() - max(placed_at)), 3) FROM orders)
) FROM sums;
