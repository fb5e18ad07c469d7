"""How good a set of dialogues is: measured in one pass, beside the published figures, as a table and as a page."""
