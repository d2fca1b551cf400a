"""connect_pipeline: a district's SIS exports, proven, published as rosters, alerts listed."""
