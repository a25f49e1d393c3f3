"""What artists type in the studio, and what is wrong with it in sentences that say what to write."""
