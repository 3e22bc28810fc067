"""DECIDE: the pure half of Headrace. No thread, no socket, no clock, no file."""
