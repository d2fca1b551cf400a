-- One row is one student absent from one period today. About 6 % of each school, never above 8 %.
CREATE TABLE absences AS
WITH ranked AS (
    SELECT
        students.s,
        students.school,
        students.own,
        -- By family, so that siblings are often ill on the same day.
        row_number() OVER (
            PARTITION BY students.school
            ORDER BY own_number('ill', students.family), students.s
        ) AS rank,
        count(*) OVER (PARTITION BY students.school) AS size,
        schools.own AS school_own
    FROM students
    INNER JOIN schools USING (school)
),

absent AS (
    SELECT
        s,
        school,
        -- More than half stay at home all day; the others miss some periods, or come late.
        draw(own, 31, 20) < 11 AS all_day,
        draw(own, 32, 6) AS first_period,
        draw(own, 33, 3) AS more_periods,
        draw(own, 34, 10) AS reason
    FROM ranked
    WHERE rank <= least(
        round(size * (45 + draw(school_own, 1, 31)) / 1000),
        floor(size * 0.08)
    )
)

SELECT
    absent.s,
    absent.school,
    classes.period,
    classes.section,
    CASE
        WHEN NOT all_day AND reason < 2 THEN 'T'
        ELSE (['A', 'A', 'A', 'A', 'U', 'U', 'A', 'E', 'E', 'A'])[reason + 1]
    END AS code
FROM absent
INNER JOIN classes
    ON absent.s = classes.s
    AND absent.school = classes.school
    AND (
        all_day
        OR classes.period = first_period
        OR (reason >= 2 AND classes.period BETWEEN first_period AND first_period + more_periods)
    );
