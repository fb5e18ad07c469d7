"""A model as second reader of the safety gate, after the rules."""
