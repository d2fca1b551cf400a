"""The rule `merge_cycle`."""

from connect_pipeline.contract import SCHOOLS
from connect_pipeline.rules.rule import Example, Severity, TableRule

RULE = TableRule(
    code="merge_cycle",
    severity=Severity.WARNING,
    doc="A site is merged with itself, or sites are merged with each other in a circle.",
    help=(
        "No site of the circle survives, so none of them is merged, and their families stay where"
        " they are. Decide which of the sites goes on and leave its Merge with Site ID blank. The"
        " others name its code."
    ),
    message=(
        'Following "{column}" from this site leads back to it, so it was not merged. Leave the cell'
        " blank at the site that goes on."
    ),
    spec=SCHOOLS,
    # A site name may stand for several codes; UNION drops what was seen, so circles end.
    select="""
        WITH RECURSIVE merges AS (
            SELECT schools.line, sites.code, schools.merge_with AS target
            FROM records.schools AS schools
            JOIN district.sites AS sites USING (name)
            WHERE merge_with <> ''
        ),
        reached AS (
            SELECT code AS start, target FROM merges
            UNION
            SELECT reached.start, merges.target
            FROM reached
            JOIN merges ON merges.code = reached.target
        )
        SELECT DISTINCT
            line,
            NULL AS record_id,
            'Merge with Site ID' AS column_name,
            NULL AS detail
        FROM merges
        JOIN reached ON reached.start = merges.code AND reached.target = merges.code
    """,
    order=110,
    failing=Example.of(
        SCHOOLS,
        "Lincoln High School,1 Main Street,(201) 555-0100,102",
        "Rosa Parks Elementary School,2 Oak Avenue,(201) 555-0150,101",
        line=2,
    ),
    passing=Example.of(
        SCHOOLS,
        "Lincoln High School,1 Main Street,(201) 555-0100,102",
        "Rosa Parks Elementary School,2 Oak Avenue,(201) 555-0150,",
    ),
)
