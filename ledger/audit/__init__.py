"""The audit of the books: what is wrong with them, if anything. It repairs nothing."""

from ledger.audit.finding import Finding

__all__ = ["Finding"]
