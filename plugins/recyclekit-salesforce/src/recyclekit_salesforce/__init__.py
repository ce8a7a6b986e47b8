"""Salesforce as a recyclekit connector."""
