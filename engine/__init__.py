"""The scheduler daemon of rcq and everything it is made of."""
