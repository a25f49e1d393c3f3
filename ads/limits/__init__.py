"""How much may be asked for, by whom."""
