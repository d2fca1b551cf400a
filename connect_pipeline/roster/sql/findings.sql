-- One row: a finding, stored up to a cap per code.
CREATE TABLE quality.findings (
    export VARCHAR,
    line BIGINT,
    record_id VARCHAR,
    column_name VARCHAR,
    code VARCHAR,
    severity VARCHAR,
    message VARCHAR
);
