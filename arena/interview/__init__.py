"""What an interview left in a session: answers, findings, trace, exports, and how well it agrees with the truth."""
