"""How right the system is: figures on real data against truth made by eye."""
