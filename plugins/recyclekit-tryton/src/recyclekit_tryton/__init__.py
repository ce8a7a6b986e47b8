"""Tryton as a recyclekit connector."""
