"""Bring lost and stalled deals back: one readable policy on any CRM, with a plan, proof of every write, and undo."""

from recyclekit.allocation import settle

__version__ = "0.1.0"

settle()  # before any other module of ours loads Polars
del settle
