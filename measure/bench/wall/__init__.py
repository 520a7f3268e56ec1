"""``ioc bench wall``: the wall's queries on years of data, alone and while it is looked at."""
