"""Was the client true to its card: a check that sees the profile, run on every session."""
