"""The cell: what a single value must look like."""
