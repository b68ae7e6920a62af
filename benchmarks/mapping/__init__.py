"""How well columns are mapped: public cases, ours and the baselines."""
