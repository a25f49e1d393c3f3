"""The books: every amount Megabox owes, owns, earns or spends, in one double-entry journal."""
