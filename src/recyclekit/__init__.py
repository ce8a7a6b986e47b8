"""Bring lost and stalled deals back: one readable policy on any CRM, with a plan, proof of every write, and undo."""

__version__ = "0.1.0"
