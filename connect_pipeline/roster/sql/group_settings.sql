-- One row: the settings that decide who is in a group, as they were for this snapshot.
CREATE TABLE connect.group_settings AS
SELECT getvariable('low_lunch_balance')::DECIMAL(10, 2) AS low_lunch_balance;
