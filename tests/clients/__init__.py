"""Clients of the vendors' APIs that we did not write, in JavaScript, and how the tests run them."""
