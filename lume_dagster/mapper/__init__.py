"""From a sample of somebody's data and a target schema to the mapping of a flow."""
