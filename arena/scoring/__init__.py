"""Scoring a finished transcript from three sides: client, supervisor, counselor."""
