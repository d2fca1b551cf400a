"""The set, before publishing: tonight against what is published."""
