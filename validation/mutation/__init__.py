"""Does the ladder bite? Formulas altered on purpose, and who notices."""
