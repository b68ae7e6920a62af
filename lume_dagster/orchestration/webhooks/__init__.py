"""Tell other systems how runs ended: signed, at least once, and without holding up a run."""
