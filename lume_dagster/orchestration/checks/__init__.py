"""Asset checks: what a run measured of a batch, beside the flow, its history and the receipt."""
