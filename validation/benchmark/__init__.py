"""Figures of speed and accuracy, as ratios within one run: ``make bench``; one file per theme."""
