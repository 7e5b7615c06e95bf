"""Follow-up: what is counted of the work, and the report that is made of it. Pure, and it names nobody."""
