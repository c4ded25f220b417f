-- Prints one JSON object: promoted (whether this call did it), synchronous_cleared, timeline, committed_at.
\set QUIET on
SET client_min_messages = error;

-- A standby inherits synchronous_standby_names from its primary. Once promoted it would wait for standbys that do not
-- exist, and every COMMIT would hang; so the setting goes, unless somebody does stream as a synchronous standby.
SELECT pg_is_in_recovery() AS standby,
       current_setting('synchronous_standby_names') <> ''
         AND NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')) AS waits \gset
\if :waits
ALTER SYSTEM SET synchronous_standby_names = '';
SELECT pg_reload_conf() AS reloaded \gset
\endif

\if :standby
SELECT pg_promote(true, :seconds) AS promoted \gset
\if :promoted
\else
\warn the server was not promoted in time
DO $$ BEGIN RAISE EXCEPTION 'not promoted in time'; END $$;
\endif
\endif

-- A real commit, bounded: it fails where the server takes no writes, and does not hang where it waits for a standby.
-- A cancelled wait for a synchronous standby is only a warning, so the setting is looked at once more.
SET statement_timeout = '10s';
SELECT pg_logical_emit_message(true, 'holdfast', 'takes commits')::text AS lsn \gset
SELECT json_build_object(
    'promoted', :'standby'::boolean,
    'synchronous_cleared', :'waits'::boolean,
    'timeline', ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer,
    'committed_at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
);
