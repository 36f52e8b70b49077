"""One epoch without replacement: moments of the epoch map over all permutations (beneventano2023)."""
