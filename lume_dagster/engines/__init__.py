"""DO: stage batches as Parquet and run plans on them."""
