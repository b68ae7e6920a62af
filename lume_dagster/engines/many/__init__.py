"""Many small batches at once: what a statement costs is paid for all of them, not for each."""
