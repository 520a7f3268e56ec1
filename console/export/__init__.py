"""A case as others can check it without us: originals, signatures, a record, and a verifier."""
