"""What is known before anyone speaks: client cards, rubrics, word lists, and the vocabulary they share."""
