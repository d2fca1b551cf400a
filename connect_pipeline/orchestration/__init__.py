"""Dagster around the functions: assets, checks, jobs, schedules, sensors, resources. All thin.

Belongs here: one concept of Dagster a module. Does not belong here: work; that is in functions
which know no Dagster.
"""
