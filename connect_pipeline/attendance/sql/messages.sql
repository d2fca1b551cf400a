-- One row: what is to be said of a child to those who were told the same of it earlier today,
-- mostly nothing: the absences that are news to them.
CREATE OR REPLACE TABLE attendance.messages AS
WITH audiences AS (
    SELECT DISTINCT
        student_id,
        told
    FROM attendance.entries
),

with_news AS (
    SELECT
        audiences.student_id,
        audiences.told,
        children.* EXCLUDE (student_id),
        CASE
            WHEN audiences.told = '' THEN NULL
            ELSE list_transform(
                list_select(string_split(children.lessons, chr(10)), children.places),
                lambda lesson: NOT list_contains(string_split(audiences.told, chr(10)), lesson)
            )
        END AS is_news
    FROM audiences
    INNER JOIN attendance.children AS children USING (student_id)
)

SELECT
    student_id,
    told,
    student_name,
    site_name,
    site_phone,
    CASE WHEN told = '' THEN periods ELSE list_where(periods, is_news) END AS periods,
    CASE WHEN told = '' THEN codes ELSE list_where(codes, is_news) END AS codes,
    CASE WHEN told = '' THEN teacher_names ELSE list_where(teacher_names, is_news) END
        AS teacher_names
FROM with_news;
