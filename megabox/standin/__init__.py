"""A local stand-in of Stripe: its own process and its own database, imported by nobody.

It speaks Stripe's wire format over HTTP, so that the official `stripe` library is really used in development,
in tests and in the demo, with its base address pointed here. No real money can pass through it, and it refuses
to start unless DEBUG is on. Standard library only.
"""
