"""Dagster around the functions: assets, checks, jobs, schedules, sensors, resources. All thin."""
