"""Formulas from outside: read, bounded, never evaluated."""
