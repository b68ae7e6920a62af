"""Azure Blob Storage, and Data Lake Storage by its blob endpoint."""
