"""Who is there: passwords, second factor, sessions, and what a role may do."""
