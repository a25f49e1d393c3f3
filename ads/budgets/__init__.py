"""What campaigns may spend: prepaid money, leases of it, and its pace."""
