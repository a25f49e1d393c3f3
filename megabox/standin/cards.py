"""Test cards: which pay, which are declined, and what the bank says."""

from dataclasses import dataclass

from megabox.standin.store import Obj, new_id


@dataclass(frozen=True)
class Card:
    """A test card; `decline` is the bank's word for no, `dispute` its reason to take the payment back at once."""

    number: str
    brand: str
    decline: str = ""
    dispute: str = ""
    is_inquiry: bool = False

    @property
    def message(self) -> str:
        """What the person paying is told when the card is declined."""
        return MESSAGES[self.decline]


MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
}
CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242", "visa"),
        Card("5555555555554444", "mastercard"),
        Card("378282246310005", "amex"),
        Card("4000000000000077", "visa"),
        Card("4000000000000259", "visa", dispute="fraudulent"),
        Card("4000000000002685", "visa", dispute="product_not_received"),
        Card("4000000000001976", "visa", dispute="fraudulent", is_inquiry=True),
        Card("4000000000000002", "visa", "generic_decline"),
        Card("4000000000009995", "visa", "insufficient_funds"),
        Card("4000000000000069", "visa", "expired_card"),
        Card("4000000000000127", "visa", "incorrect_cvc"),
    )
}
METHODS = {
    "pm_card_visa": CARDS["4242424242424242"],
    "pm_card_mastercard": CARDS["5555555555554444"],
    "pm_card_bypassPending": CARDS["4000000000000077"],
    "pm_card_createDispute": CARDS["4000000000000259"],
    "pm_card_createDisputeInquiry": CARDS["4000000000001976"],
    "pm_card_chargeDeclined": CARDS["4000000000000002"],
    "pm_card_chargeDeclinedInsufficientFunds": CARDS["4000000000009995"],
}
WITH_OWN_CODE = ("expired_card", "incorrect_cvc")


def by_number(typed: str) -> Card | None:
    """The test card whose number was typed, spaces or not; None for a number that is no test card's."""
    return CARDS.get("".join(typed.split()).replace("-", ""))


def details(card: Card, month: int, year: int) -> Obj:
    """`payment_method_details` of a charge."""
    return {
        "type": "card",
        "card": {
            "brand": card.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "fail" if card.decline == "incorrect_cvc" else "pass",
            },
            "country": "US",
            "exp_month": month,
            "exp_year": year,
            "fingerprint": f"standin{card.number[-8:]}",
            "funding": "credit",
            "installments": None,
            "last4": card.number[-4:],
            "mandate": None,
            "network": card.brand,
            "three_d_secure": None,
            "wallet": None,
        },
    }


def outcome(card: Card) -> Obj:
    """`outcome` of a charge."""
    if card.decline:
        return {
            "network_status": "declined_by_network",
            "reason": card.decline,
            "risk_level": "normal",
            "seller_message": "The bank did not return any further details with this decline.",
            "type": "issuer_declined",
        }
    return {
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "seller_message": "Payment complete.",
        "type": "authorized",
    }


def error(card: Card, charge_id: str, intent: Obj) -> Obj:
    """The error object of a declined card, as `last_payment_error` and API errors hold it."""
    code = card.decline if card.decline in WITH_OWN_CODE else "card_declined"
    return {
        "charge": charge_id,
        "code": code,
        "decline_code": card.decline,
        "doc_url": "https://docs.stripe.com/error-codes/" + code.replace("_", "-"),
        "message": card.message,
        "payment_intent": {key: value for key, value in intent.items() if key != "last_payment_error"},
        "type": "card_error",
    }


def new_method() -> str:
    """The id of a payment method."""
    return new_id("pm_")
