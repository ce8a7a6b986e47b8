"""Raw bytes to String columns, and the questions (SOQL) that bring them."""
