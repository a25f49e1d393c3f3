"""What artists see of their sales: statistics, discounts, download codes."""
