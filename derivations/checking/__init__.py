"""Checking a claim: is this formula right, where, and if not, what is wrong with it?"""
