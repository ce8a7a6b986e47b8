"""Nouns: the tables, decisions, plans and receipts that the stages hand to one another. No I/O, no judgement."""
