"""Real flows in real processes that are killed, stopped and starved, and have to come to the same end all the same."""
