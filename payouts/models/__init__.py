"""The tables of payouts. Amounts are whole micros of the row's unit."""

from payouts.models.blocks import Block
from payouts.models.issued import IssuedStatement
from payouts.models.pool import PoolShare, PoolSharing
from payouts.models.rails import BankAccount, PayoutFile, Rail
from payouts.models.runs import Attempt, Decision, Payout, PayoutQuerySet, PayoutRun

__all__ = [
    "Attempt",
    "BankAccount",
    "Block",
    "Decision",
    "IssuedStatement",
    "Payout",
    "PayoutFile",
    "PayoutQuerySet",
    "PayoutRun",
    "PoolShare",
    "PoolSharing",
    "Rail",
]
