"""Generate and edit a mapping: pipelines, jobs, results, editing sessions; on files, in git."""
