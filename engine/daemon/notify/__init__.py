"""Notifications: what happened becomes messages, messages wait in the outbox, a process of its own sends them."""
