"""The live page and its API: a server that shows the history, and asks the processes of flows to act."""
