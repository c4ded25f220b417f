-- The writer check's table, and the only way for its role to write to it. The answer is the timeline that was written: it
-- grows with every promotion, so of two servers that both take writes one is behind, or both have the same.
CREATE TABLE writer_check (
    via        text        NOT NULL,
    number     bigint      NOT NULL,
    timeline   integer     NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (via, number)
);

CREATE FUNCTION writer_check(via text, number bigint) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS
$$
    INSERT INTO writer_check
    VALUES (via, number, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer, clock_timestamp())
    RETURNING timeline
$$;

REVOKE ALL ON FUNCTION writer_check(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION writer_check(text, bigint) TO checker;
GRANT SELECT ON writer_check TO checker, holdfast;
