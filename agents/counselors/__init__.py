"""Counselors, one folder each."""
