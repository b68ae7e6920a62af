"""WHERE: one system per file, as source and as target."""
