"""What programs call: evidence intake, hand-over, live figures."""
