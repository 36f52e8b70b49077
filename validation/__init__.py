"""Experiments: simulation, comparison, report and command line."""
