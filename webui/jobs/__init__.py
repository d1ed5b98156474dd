"""The job queue: jobs in the database, dispatched fairly to engines, with events for subscribers. Survives any crash."""
