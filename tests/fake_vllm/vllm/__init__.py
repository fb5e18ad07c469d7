"""A stand-in for vLLM: found on ``PYTHONPATH`` by processes under test, never installed."""
