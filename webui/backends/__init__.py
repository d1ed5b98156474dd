"""Pictures from elsewhere: which backends there are, their keys, the way to them, and the threads that wait for their jobs. No torch."""
