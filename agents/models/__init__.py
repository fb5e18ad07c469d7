"""Models behind one door: ``ChatModel.generate``."""
