"""The tables of the listener's side, and of the reconciliation with Stripe; all amounts are whole micros."""

from store.models.balance import BalanceCheck, BalanceImport, BalanceTransaction, Decision, HandEntry, Naming
from store.models.cases import Adjustment, Dispute
from store.models.codes import CodeBatch, DownloadCode
from store.models.deposits import DepositRefund
from store.models.discounts import Discount
from store.models.figures import Counting, Figure, Prediction
from store.models.gates import Gate, GateView
from store.models.inbox import StripeEvent
from store.models.library import Download, LibraryItem
from store.models.orders import CartItem, Order, OrderLine
from store.models.preorders import PreOrder

__all__ = [
    "Adjustment",
    "BalanceCheck",
    "BalanceImport",
    "BalanceTransaction",
    "CartItem",
    "CodeBatch",
    "Counting",
    "Decision",
    "DepositRefund",
    "Discount",
    "Dispute",
    "Download",
    "DownloadCode",
    "Figure",
    "Gate",
    "GateView",
    "HandEntry",
    "LibraryItem",
    "Naming",
    "Order",
    "OrderLine",
    "PreOrder",
    "Prediction",
    "StripeEvent",
]
