"""Answers that several pages give."""

from django.http import HttpResponseRedirect


class SeeOther(HttpResponseRedirect):
    """After a form: GET what follows, also on another host (Stripe's payment page)."""

    status_code = 303
