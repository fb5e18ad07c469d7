"""Transcripts from elsewhere, read into dialogues: common shapes and role spellings, faults named, nothing guessed."""
