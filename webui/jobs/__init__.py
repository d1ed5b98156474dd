"""The queue: jobs kept in the database, given to engines fairly, followed by anybody, surviving every death."""
