"""Responses to rows, bars, words and colours. Pure."""
