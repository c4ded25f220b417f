-- Waits until recovery has ended (the step's timeout bounds it), then prints one JSON object.
DO $$ BEGIN
    WHILE pg_is_in_recovery() LOOP
        PERFORM pg_sleep(0.05);
    END LOOP;
END $$;
SELECT json_build_object(
    'recovered_to', pg_current_wal_lsn(),
    'timeline', ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer
);
