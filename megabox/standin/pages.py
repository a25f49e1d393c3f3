"""Pages for people: the hosted payment page and the onboarding of those who are paid."""

import time
from html import escape
from pathlib import Path
from string import Template

from megabox.standin import cards, checkout, connect, disputes, errors, external_accounts
from megabox.standin.call import Call, Site
from megabox.standin.connect import LINK_SECONDS
from megabox.standin.http import Request, Response, origin, redirect
from megabox.standin.payments import Payer
from megabox.standin.store import Database, Obj

HTML = Path(__file__).parent / "html"
SIGNS = {"usd": "$", "eur": "€", "gbp": "£"}
WITHOUT_CENTS = ("jpy", "krw", "vnd", "clp", "xof")


def answer(request: Request, database: Database, site: Site) -> Response:
    """Answer an address a browser opens."""
    kind, _, token = request.path.strip("/").rpartition("/")
    if request.path == "/standin.css":
        return Response(200, (HTML / "standin.css").read_text(), "text/css")
    with database.transaction() as objects:
        call = Call(objects=objects, site=site, clock=time.time())
        if kind == "c/pay":
            return _checkout(request, call, token)
        if kind == "setup/s":
            return _onboarding(request, call, token)
        if request.path == "/disputes/":
            return _disputes(request, call)
        if request.path == "/":
            balances = objects.balances() or {"usd": 0}
            text = ", ".join(money(cents, unit) for unit, cents in balances.items())
            return _page("index.html", [], balance=text)
    return _page("message.html", [], status=404, title="Nothing here", text="This address is not known.", link="")


def money(cents: int, currency: str) -> str:
    """An amount as people read it."""
    if currency in WITHOUT_CENTS:
        return f"{cents:,} {currency.upper()}"
    sign = "-" if cents < 0 else ""
    amount = f"{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
    return f"{sign}{SIGNS[currency]}{amount}" if currency in SIGNS else f"{sign}{amount} {currency.upper()}"


def _checkout(request: Request, call: Call, token: str) -> Response:
    """The payment page of a session: GET shows it, POST pays."""
    try:
        session = checkout.expire_if_due(call, call.objects.get("checkout.session", token))
    except errors.WireError:
        return _page("message.html", [], status=404, title="No such payment", text="Check the address.", link="")
    if session["status"] == "complete":
        return redirect(_success_url(session)) if request.method == "POST" else _finished(session)
    if session["status"] == "expired":
        link = _link(session["cancel_url"], "Back to the shop")
        text = "This payment page has expired. Nothing was charged."
        return _page("message.html", [], status=410, title="Expired", text=text, link=link)
    if request.method != "POST":
        return _form(call, session, {}, "")
    typed = {name: str(value).strip() for name, value in request.params().items()}
    payer, complaint = _payer(session, typed)
    if payer is None:
        return _form(call, session, typed, complaint)
    paid = checkout.pay(call, session, payer)
    if paid["status"] == "complete":
        return redirect(_success_url(paid))
    return _form(call, paid, typed, f"{payer.card.message} Nothing was charged: try another card.")


def _payer(session: Obj, typed: dict[str, str]) -> tuple[Payer | None, str]:
    """What was typed on the payment page, or a sentence about what is wrong with it."""
    email = session["customer_email"] or typed.get("email", "")
    if "@" not in email.strip("@"):
        return None, "Enter the e-mail address the receipt goes to."
    card = cards.by_number(typed.get("card", ""))
    if card is None:
        return None, "Enter a test card such as 4242 4242 4242 4242: no real card can be used here."
    month, _, year = typed.get("expiry", "").replace(" ", "").partition("/")
    if not (month.isdigit() and year.isdigit() and 1 <= int(month) <= 12 and len(year) in (2, 4)):
        return None, "Enter the expiry date as MM / YY."
    full_year = int(year) if len(year) == 4 else 2000 + int(year)
    today = time.gmtime()
    if (full_year, int(month)) < (today.tm_year, today.tm_mon):
        return None, "The expiry date is in the past."
    if not (typed.get("cvc", "").isdigit() and len(typed["cvc"]) in (3, 4)):
        return None, "Enter the three or four digits of the security code."
    return Payer(card, typed.get("name") or None, email, None, int(month), full_year), ""


def _success_url(session: Obj) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _finished(session: Obj) -> Response:
    link = _link(_success_url(session), "Back to the shop")
    return _page("message.html", [], title="Paid", text="This payment is complete.", link=link)


def _form(call: Call, session: Obj, typed: dict[str, str], complaint: str) -> Response:
    """The payment page; what was typed stays typed."""
    lines = call.objects.page("item", "", {"limit": 100}, session=session["id"])["data"]
    rows = "".join(
        f"<tr><th scope='row'>{escape(line['description'])}{_times(line['quantity'])}</th>"
        f"<td>{money(line['amount_subtotal'], line['currency'])}</td></tr>"
        for line in lines
    )
    if session["total_details"]["amount_tax"]:
        tax = money(session["total_details"]["amount_tax"], session["currency"])
        rows += f"<tr><th scope='row'>Tax</th><td>{tax}</td></tr>"
    email = session["customer_email"] or typed.get("email", "")
    return _page(
        "checkout.html",
        [origin(session["success_url"]), origin(session["cancel_url"] or session["success_url"])],
        status=402 if complaint else 200,
        total=money(session["amount_total"], session["currency"]),
        rows=rows,
        complaint=f"<p class='complaint' id='complaint' role='alert'>{escape(complaint)}</p>" if complaint else "",
        described="aria-describedby='complaint'" if complaint else "",
        action=f"/c/pay/{session['id']}",
        cancel=_link(session["cancel_url"], "Cancel and go back"),
        email=escape(email, quote=True),
        readonly="readonly" if session["customer_email"] else "",
        card=escape(typed.get("card", "4242 4242 4242 4242"), quote=True),
        expiry=escape(typed.get("expiry", "12 / 34"), quote=True),
        cvc=escape(typed.get("cvc", "123"), quote=True),
        name=escape(typed.get("name", ""), quote=True),
    )


def _times(quantity: int) -> str:
    return f" <span class='times'>x {quantity}</span>" if quantity > 1 else ""


def _link(url: str | None, text: str) -> str:
    return f"<a class='back' href='{escape(url, quote=True)}'>{escape(text)}</a>" if url else ""


def _onboarding(request: Request, call: Call, token: str) -> Response:
    """The onboarding page behind an account link: good once, and for five minutes."""
    link = call.objects.find(f"link_{token}")
    if link is None or link["object"] != "standin.link":
        return _page("message.html", [], status=404, title="No such link", text="Ask for a new one.", link="")
    if link["is_used"] or call.now > link["created"] + LINK_SECONDS:
        return redirect(link["refresh_url"])
    account = call.objects.get("account", link["account"])
    if request.method != "POST":
        return _onboarding_form(account, link, token, {}, "")
    typed = {name: str(value).strip() for name, value in request.params().items()}
    missing = [words for name, words in ASKED.items() if not typed.get(name)]
    if missing:
        return _onboarding_form(account, link, token, typed, f"Please enter {missing[0]}.")
    link["is_used"] = True
    call.objects.save(link)
    connect.enable(call, account, typed["bank"])
    return redirect(link["return_url"])


def _disputes(request: Request, call: Call) -> Response:
    """The bank's side of every dispute: GET lists them, POST decides one."""
    complaint = ""
    if request.method == "POST":
        sent = request.params()
        try:
            dispute = call.objects.get("dispute", str(sent.get("dispute", "")))
            if sent.get("verdict") == "escalate":
                disputes.escalate(call, dispute)
            else:
                disputes.decide(call, dispute, is_won=sent.get("verdict") == "won")
            return redirect("/disputes/")
        except errors.WireError as error:
            message = escape(error.error["message"])
            complaint = f"<p class='complaint' role='alert'>{message}</p>"
    rows = "".join(_dispute_row(each) for each in call.objects.page("dispute", "", {"limit": 100})["data"])
    nothing = "<tr><td colspan='5'>Nothing is disputed.</td></tr>"
    return _page("disputes.html", [], status=409 if complaint else 200, rows=rows or nothing, complaint=complaint)


def _dispute_row(dispute: Obj) -> str:
    is_inquiry = dispute["status"].startswith("warning_")
    verdicts = (
        {"won": "Close it", "escalate": "Take the money"} if is_inquiry else {"won": "Shop wins", "lost": "Shop loses"}
    )
    buttons = "".join(
        f"<button type='submit' name='verdict' value='{verdict}'>{words}</button>"
        for verdict, words in verdicts.items()
    )
    form = (
        "<form method='post' action='/disputes/' class='verdict'>"
        f"<input type='hidden' name='dispute' value='{escape(dispute['id'], quote=True)}'>{buttons}</form>"
    )
    words = [dispute["id"], dispute["reason"].replace("_", " "), dispute["status"].replace("_", " ")]
    cells = "".join(f"<td>{escape(word)}</td>" for word in words)
    amount = money(dispute["amount"], dispute["currency"])
    return f"<tr>{cells}<td>{amount}</td><td>{form if dispute['status'] in disputes.OPEN else ''}</td></tr>"


ASKED = {"first_name": "your first name", "last_name": "your last name", "bank": "the account to pay out to"}


def _onboarding_form(account: Obj, link: Obj, token: str, typed: dict[str, str], complaint: str) -> Response:
    return _page(
        "onboarding.html",
        [origin(link["return_url"]), origin(link["refresh_url"])],
        status=422 if complaint else 200,
        complaint=f"<p class='complaint' id='complaint' role='alert'>{escape(complaint)}</p>" if complaint else "",
        action=f"/setup/s/{token}",
        country=escape(account["country"]),
        later=_link(link["return_url"], "Not now"),
        first_name=escape(typed.get("first_name", "Nina"), quote=True),
        last_name=escape(typed.get("last_name", "Example"), quote=True),
        bank=escape(typed.get("bank", external_accounts.NUMBER), quote=True),
    )


def _page(template: str, form_targets: list[str], status: int = 200, **values: str) -> Response:
    """A page with a strict policy: no scripts at all, style from our own file, forms to ourselves.

    Chromium applies form-action to the redirect after the form, so the shop's own origin is allowed too.
    """
    body = Template((HTML / template).read_text()).substitute(values)
    page = Template((HTML / "base.html").read_text()).substitute(body=body)
    targets = " ".join(["'self'", *sorted(set(form_targets))])
    sources = "default-src 'none'; style-src 'self'; img-src data:"
    policy = f"{sources}; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
    return Response(status, page, "text/html", (("Content-Security-Policy", policy),))
