"""Follow-up: what is counted, and the report made from the counts. Pure code that names no person."""
