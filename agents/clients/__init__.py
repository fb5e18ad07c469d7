"""Simulated clients, one folder each."""
