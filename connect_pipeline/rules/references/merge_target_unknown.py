"""The rule `merge_target_unknown`."""

from connect_pipeline.contract import SCHOOLS
from connect_pipeline.rules.rule import Example, Severity, TableRule

RULE = TableRule(
    code="merge_target_unknown",
    severity=Severity.WARNING,
    doc="A site is to be merged with a school code that has no site.",
    help=(
        "The site is left as it is, so its families stay under the old name. Write the code of the"
        " surviving school into Merge with Site ID, as the other exports write it and not its name;"
        " leading zeros count. The code must be listed under sites in the settings."
    ),
    message=(
        '"{column}" is no school code of the settings, so the site was not merged. Write the code'
        " of the surviving site, or leave the cell blank."
    ),
    spec=SCHOOLS,
    select="""
        SELECT line, NULL AS record_id, 'Merge with Site ID' AS column_name, NULL AS detail
        FROM records.schools AS schools
        ANTI JOIN district.sites AS sites ON sites.code = schools.merge_with
        WHERE merge_with <> '' AND EXISTS (FROM district.sites)
    """,
    order=100,
    failing=Example.of(SCHOOLS, "Lincoln High School,1 Main Street,(201) 555-0100,999", line=2),
    passing=Example.of(SCHOOLS, "Lincoln High School,1 Main Street,(201) 555-0100,102"),
)
