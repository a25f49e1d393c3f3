"""Discounts and download codes."""
