-- The order service's ledger. Every order is numbered without gaps, and posted twice: as its lines, and as one amount in
-- the ledger and in the account's balance. A copy that lost or tore anything does not balance.

CREATE TABLE account (
    name          text PRIMARY KEY,
    balance_cents bigint NOT NULL
);
INSERT INTO account VALUES ('receivables', 0);

-- One row. A number is never given out twice: after a takeover (a new timeline) orders that were acknowledged may be
-- missing, and their numbers must not come back as other orders, so the numbering goes on a million further.
CREATE TABLE order_counter (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number   bigint  NOT NULL,
    timeline integer NOT NULL
);

CREATE TABLE orders (
    number      bigint      PRIMARY KEY,
    customer    text        NOT NULL,
    total_cents bigint      NOT NULL CHECK (total_cents > 0),
    timeline    integer     NOT NULL,
    placed_at   timestamptz NOT NULL
);

CREATE TABLE order_lines (
    order_number bigint  NOT NULL REFERENCES orders (number),
    line         integer NOT NULL,
    amount_cents bigint  NOT NULL CHECK (amount_cents > 0),
    PRIMARY KEY (order_number, line)
);

CREATE TABLE ledger (
    order_number bigint PRIMARY KEY REFERENCES orders (number),
    account      text   NOT NULL REFERENCES account (name),
    amount_cents bigint NOT NULL
);

-- The timeline that is written now, from the name of the WAL file that is written now.
CREATE FUNCTION current_timeline() RETURNS integer LANGUAGE sql VOLATILE AS
$$ SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer $$;

INSERT INTO order_counter (number, timeline) VALUES (0, current_timeline());

CREATE FUNCTION place_order(buyer text, amounts bigint[]) RETURNS bigint LANGUAGE plpgsql AS
$$
DECLARE
    given bigint;
    line_now integer := current_timeline();
    total bigint := (SELECT sum(amount) FROM unnest(amounts) AS amount);
BEGIN
    UPDATE order_counter AS counter
       SET number = counter.number + CASE WHEN counter.timeline = line_now THEN 1 ELSE 1000000 END,
           timeline = line_now
     RETURNING counter.number INTO given;
    INSERT INTO orders VALUES (given, buyer, total, line_now, clock_timestamp());
    INSERT INTO order_lines SELECT given, position, amount FROM unnest(amounts) WITH ORDINALITY AS part (amount, position);
    INSERT INTO ledger VALUES (given, 'receivables', total);
    UPDATE account SET balance_cents = balance_cents + total WHERE name = 'receivables';
    RETURN given;
END
$$;
