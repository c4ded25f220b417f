-- Prints one JSON object: was, changed.
\set QUIET on
SET client_min_messages = error;
SELECT current_setting('synchronous_standby_names') AS was,
       current_setting('synchronous_standby_names') <> :'names' AS differs \gset
\if :differs
ALTER SYSTEM SET synchronous_standby_names = :'names';
SELECT pg_reload_conf() AS reloaded \gset
\endif
SELECT json_build_object('was', :'was', 'changed', :'differs'::boolean);
