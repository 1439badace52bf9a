"""Sends notifications: the one process of rcq that talks to the network. Must not know the engine's rooms."""
