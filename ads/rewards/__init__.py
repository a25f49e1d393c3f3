"""What listeners earn: wallets and their credits."""
