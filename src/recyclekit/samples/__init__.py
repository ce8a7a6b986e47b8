"""Invented CRM data for the demo, the benchmarks and a first project; nothing in it is or was real."""
