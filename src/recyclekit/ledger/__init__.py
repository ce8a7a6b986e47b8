"""The memory: what was intended, what provably happened, and who may write now."""
