"""Reading single columns: from the system's text to typed values, with a reason for each value that has none. Pure."""
