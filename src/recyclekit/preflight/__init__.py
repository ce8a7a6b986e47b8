"""What stands in the way of a run, found before it: in the project and its systems, and under its ledger."""
