"""What people see: one module a screen."""
