"""The police's review of flagged clips: evidence intake, cases, custody; and the wall preview."""
