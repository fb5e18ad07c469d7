"""Data-set formats: one module each, all made from one record."""
