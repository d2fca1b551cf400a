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

in_order AS (
    SELECT
        audiences.told,
        children.*,
        list_select(string_split(children.lessons, chr(10)), children.places) AS lessons_in_order
    FROM audiences
    INNER JOIN attendance.children AS children USING (student_id)
),

with_news AS (
    SELECT
        *,
        list_transform(
            lessons_in_order,
            lambda lesson: NOT list_contains(string_split(told, chr(10)), lesson)
        ) AS is_news
    FROM in_order
),

-- The news may be of one of the two schools at which a child misses lessons.
news_of_schools AS (
    SELECT
        student_id,
        told,
        unnest(list_where(lessons_in_order, is_news)) AS lesson,
        generate_subscripts(list_where(lessons_in_order, is_news), 1) AS place
    FROM with_news
),

-- Without `once_each`: the threads that read this view have no macros of ours.
sites_with_news AS (
    SELECT
        news.student_id,
        news.told,
        schools.site_name,
        first(schools.site_phone ORDER BY news.place) AS site_phone,
        min(news.place) AS place
    FROM news_of_schools AS news
    INNER JOIN attendance.schools AS schools ON split_part(news.lesson, chr(31), 1) = schools.school
    GROUP BY news.student_id, news.told, schools.site_name
),

sites AS (
    SELECT
        student_id,
        told,
        string_agg(site_name, ', ' ORDER BY place) AS site_name,
        first(site_phone ORDER BY place) AS site_phone
    FROM sites_with_news
    GROUP BY student_id, told
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
    with_news.student_id,
    with_news.told,
    with_news.student_name,
    sites.site_name,
    sites.site_phone,
    list_where(with_news.periods, with_news.is_news) AS periods,
    list_where(with_news.codes, with_news.is_news) AS codes,
    list_where(with_news.teacher_names, with_news.is_news) AS teacher_names
FROM with_news
INNER JOIN sites USING (student_id, told);
