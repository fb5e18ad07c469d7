"""Cognitive restructuring in conversation, after CRDial (Crisp, arXiv 2504.17238): six steps, channels and loops."""

PLUGINS: tuple[object, ...] = ()
