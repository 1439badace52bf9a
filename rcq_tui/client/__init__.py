"""Typed calls over the socket: a raw one for everyday commands, httpx for the TUI; a scripted fake."""
