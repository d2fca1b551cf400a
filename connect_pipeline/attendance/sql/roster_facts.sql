-- One row: which snapshot the roster is, and when it was published (seconds since 1970).
CREATE OR REPLACE TABLE attendance.roster_facts AS
SELECT
    snapshot_id,
    epoch(published_at) AS published_at
FROM roster.connect.snapshot;
