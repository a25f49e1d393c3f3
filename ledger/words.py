"""What an account is, in words that an accountant reads without our chart."""

import re

_FAMILIES = (
    (r"stripe:balance", "Our balance at Stripe"),
    (r"bank", "Our bank account"),
    (r"dispute:receivable", "Withdrawn by card issuers, outcome open"),
    (r"suspense:stripe", "Stripe's lines that nothing explains yet"),
    (r"ads:unsettled", "Ads credited to listeners, not charged yet"),
    (r"payee:(.+):pending", "Payee {}: earned, being checked"),
    (r"payee:(.+):payable", "Payee {}: can be paid out"),
    (r"payee:(.+):hold", "Payee {}: held for an open case"),
    (r"payee:(.+):owed", "Payee {}: owes us"),
    (r"payout:transit", "Payouts on their way"),
    (r"pool:(.+)", "Artists' pool of {}"),
    (r"credits:backing", "Money behind listeners' credits"),
    (r"preorders:held", "Pre-orders paid, not delivered yet"),
    (r"advertiser:(.+):prepaid", "Advertiser {}: deposits not used yet"),
    (r"advertiser:(.+):owed", "Advertiser {}: owes us"),
    (r"publisher:(.+):escrow", "Site {}: its share of ads"),
    (r"tax:vat:(.+)", "Sales tax collected for {}"),
    (r"tax:withheld:(.+)", "Tax withheld from payees for {}"),
    (r"rev:commission", "Our commission on sales"),
    (r"rev:ads", "Ads sold, gross"),
    (r"exp:stripe_fees", "Card fees"),
    (r"exp:dispute_fees", "Fees of disputes"),
    (r"exp:payee_ad_share", "Payees' share of ads"),
    (r"exp:listener_rewards", "Listeners' share of ads, as credits"),
    (r"exp:publishers", "Sites' share of ads"),
    (r"exp:clawback_loss", "Written off: what payees owed"),
    (r"wallet:(.+):credits", "Wallet {}: credits"),
    (r"xcr:(issued|spent|expired|revoked)", "Credits {}"),
)
_PATTERNS = tuple((re.compile(pattern), words) for pattern, words in _FAMILIES)


def of(code: str) -> str:
    """Like "Payee 7: can be paid out" for `payee:7:payable:USD`; nothing for a code that the chart does not have."""
    family = code.rpartition(":")[0]
    return next((words.format(*found.groups()) for p, words in _PATTERNS if (found := p.fullmatch(family))), "")
