"""The tables of the listener's side, and of the reconciliation with Stripe; all amounts are whole micros."""

from store.models.balance import BalanceCheck, BalanceImport, BalanceTransaction, Decision, HandEntry, Naming
from store.models.cases import Adjustment, Dispute
from store.models.gates import Gate, GateView
from store.models.inbox import StripeEvent
from store.models.library import Download, LibraryItem
from store.models.orders import CartItem, Order, OrderLine

__all__ = [
    "Adjustment",
    "BalanceCheck",
    "BalanceImport",
    "BalanceTransaction",
    "CartItem",
    "Decision",
    "Dispute",
    "Download",
    "Gate",
    "GateView",
    "HandEntry",
    "LibraryItem",
    "Naming",
    "Order",
    "OrderLine",
    "StripeEvent",
]
