"""HOW: a flow and the columns of a batch become a Plan, which is SQL as data. Pure."""
