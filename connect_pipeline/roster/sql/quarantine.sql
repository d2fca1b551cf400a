-- One row: a row that was kept out, verbatim.
CREATE TABLE quality.quarantine AS
SELECT
    export,
    line,
    code,
    text
FROM scratch.quality.quarantine
ORDER BY export, line;
