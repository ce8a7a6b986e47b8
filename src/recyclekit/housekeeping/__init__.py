"""Keeping house: a person erased wherever anything is kept, and what has grown too old removed."""
