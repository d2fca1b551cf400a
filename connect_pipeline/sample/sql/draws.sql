-- Random-looking numbers that depend on the seed and a row's number alone.
-- md5 and not hash(): hash() may change between DuckDB versions, and the same seed must give the
-- same bytes for ever. One md5 a person is the cost; all draws of that person derive from it.
CREATE MACRO own_number(kind, n) AS
    md5_number_lower(concat_ws(':', getvariable('seed'), kind, n)) % 4294967291::UBIGINT;

-- The draw `salt` of a person: 0 .. n-1. Both factors are below 2^32, so nothing overflows.
CREATE MACRO draw(own, salt, n) AS
    (
        own * ((salt + 1) * 2654435761 % 4294967291)::UBIGINT % 4294967291::UBIGINT
        * n::UBIGINT // 4294967296::UBIGINT
    )::INTEGER;

-- The phone number `i` of the district, all different up to 2.8 million: 555-01xx in every area
-- code first, then the other 555 numbers without 555-12xx, where directory assistance is.
CREATE MACRO phone_digits(i) AS (
    getvariable('area_codes')[i // 100 % len(getvariable('area_codes')) + 1]
    || '555'
    || lpad(
        (([1, 0] || range(2, 12) || range(13, 100))
            [i // (100 * len(getvariable('area_codes'))) % 99 + 1])::VARCHAR,
        2,
        '0'
    )
    || lpad((i % 100)::VARCHAR, 2, '0')
);

-- The same ten digits as the clerks of many offices type them.
CREATE MACRO phone_as_typed(i, style) AS
    regexp_replace(
        phone_digits(i),
        '(...)(...)(....)',
        (['(\1) \2-\3', '\1-\2-\3', '\1.\2.\3', '\1\2\3', '1-\1-\2-\3', '+1\1\2\3', '\1 \2 \3'])
            [style + 1]
    );
