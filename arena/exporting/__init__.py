"""Exports: stored sessions read one by one, filtered, split by client, and written as data sets."""
