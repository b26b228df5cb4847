"""What to run and when: jobs, their runs and attempts, and the supervisor that owns them."""
