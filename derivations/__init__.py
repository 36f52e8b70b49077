"""Proofs: one derivation per formula, each step machine-checked."""
