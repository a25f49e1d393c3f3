"""What a shop sends to Stripe, small."""

from typing import TYPE_CHECKING, Any

import stripe

from tests.standin.server import Standin

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams


def make_session(
    standin: Standin, cents: int = 999, *, key: str | None = None, **params: Any
) -> stripe.checkout.Session:
    """An open Checkout Session for one album."""
    sent: SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {"currency": "usd", "unit_amount": cents, "product_data": {"name": "Night Bus"}},
                "quantity": 1,
            }
        ],
        "success_url": "http://shop.test/thanks/?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://shop.test/cart/",
        "client_reference_id": "order-1",
        "metadata": {"order": "order-1"},
        **params,  # type: ignore[typeddict-item]  # tests vary the parameters
    }
    options: stripe.RequestOptions = {"idempotency_key": key} if key else {}
    return standin.client().v1.checkout.sessions.create(sent, options)


def make_paid_session(standin: Standin, cents: int = 999, **params: Any) -> stripe.checkout.Session:
    """A session that leo paid with 4242."""
    session = make_session(standin, cents, **params)
    standin.pay(session.id, email="leo@demo.megabox.test", name="Leo")
    return standin.client().v1.checkout.sessions.retrieve(session.id)


def make_transfer(
    standin: Standin, cents: int = 100, *, group: str = "payout-1", key: str | None = None, account: str | None = None
) -> stripe.Transfer:
    """A transfer to an account that can receive it."""
    options: stripe.RequestOptions = {"idempotency_key": key} if key else {}
    return standin.client().v1.transfers.create(
        {
            "amount": cents,
            "currency": "usd",
            "destination": account or standin.payable_account(),
            "transfer_group": group,
        },
        options,
    )
