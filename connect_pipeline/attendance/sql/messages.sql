-- One row: what is to be said of a child to those who were told the same of it earlier today,
-- mostly nothing: the absences that are news to them. A view, for it is what `children` has, less
-- what a few have heard.
CREATE OR REPLACE VIEW attendance.messages AS
WITH audiences AS (
    SELECT DISTINCT
        student_id,
        told
    FROM attendance.entries
    WHERE told <> ''
),

with_news AS (
    SELECT
        audiences.told,
        children.*,
        list_transform(
            list_select(string_split(children.lessons, chr(10)), children.places),
            lambda lesson: NOT list_contains(string_split(audiences.told, chr(10)), lesson)
        ) AS is_news
    FROM audiences
    INNER JOIN attendance.children AS children USING (student_id)
)

SELECT
    student_id,
    '' AS told,
    student_name,
    site_name,
    site_phone,
    periods,
    codes,
    teacher_names
FROM attendance.children
UNION ALL
SELECT
    student_id,
    told,
    student_name,
    site_name,
    site_phone,
    list_where(periods, is_news) AS periods,
    list_where(codes, is_news) AS codes,
    list_where(teacher_names, is_news) AS teacher_names
FROM with_news;
