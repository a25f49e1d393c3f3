"""The SEPA file: its structure, sums, letters and lengths, as ISO 20022 and the EPC want them."""

import re
from datetime import UTC, date, datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from payouts import iban, sepa

AT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
DEBTOR = sepa.Account("Megabox Möbel & Söhne GmbH", "DE89370400440532013000", "COBADEFFXXX")
LEO = sepa.Account("Łukasz Żółć", "PL61109010140000071219812874")
NINA = sepa.Account("Nina d'Été (Studio)", "FR1420041010050500013M02606", "BNPAFRPP")
TRANSFERS = [
    sepa.Transfer("payout-1", NINA, 6_001, "Megabox 2026-11 payout 1"),
    sepa.Transfer("payout-2", LEO, 1, "x" * 200),
    sepa.Transfer("payout-3", LEO, 99_999_999, "ümlaut; <tag> & more"),
]
LETTERS = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*")

# What may stand in each element, in which order: pain.001.001.09 as far as this file uses it.
# `?` may be missing, `*` may repeat; a string is the pattern of a text.
AMOUNT, NAME, ID35 = r"\d{1,15}\.\d{2}", r".{1,70}", r"[A-Za-z0-9+?/\-:().,']{1,35}"
IBAN, BIC = r"[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}", r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?"
AGENT: Any = {"FinInstnId": {"BICFI?": BIC, "Othr?": {"Id": "NOTPROVIDED"}}}
SCHEMA: Any = {
    "CstmrCdtTrfInitn": {
        "GrpHdr": {
            "MsgId": ID35,
            "CreDtTm": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
            "NbOfTxs": r"[0-9]{1,15}",
            "CtrlSum": AMOUNT,
            "InitgPty": {"Nm": NAME},
        },
        "PmtInf": {
            "PmtInfId": ID35,
            "PmtMtd": "TRF",
            "BtchBookg": "true",
            "NbOfTxs": r"[0-9]{1,15}",
            "CtrlSum": AMOUNT,
            "PmtTpInf": {"SvcLvl": {"Cd": "SEPA"}},
            "ReqdExctnDt": {"Dt": r"\d{4}-\d\d-\d\d"},
            "Dbtr": {"Nm": NAME},
            "DbtrAcct": {"Id": {"IBAN": IBAN}},
            "DbtrAgt": AGENT,
            "ChrgBr": "SLEV",
            "CdtTrfTxInf*": {
                "PmtId": {"EndToEndId": ID35},
                "Amt": {"InstdAmt": AMOUNT},
                "CdtrAgt?": AGENT,
                "Cdtr": {"Nm": NAME},
                "CdtrAcct": {"Id": {"IBAN": IBAN}},
                "RmtInf": {"Ustrd": r".{1,140}"},
            },
        },
    }
}


def faults(element: ET.Element, wanted: Any, path: str = "") -> list[str]:
    """Everything in which an element is not what the schema says."""
    name = element.tag.removeprefix(f"{{{sepa.NAMESPACE}}}")
    path = f"{path}/{name}"
    if isinstance(wanted, str):
        text = element.text or ""
        found = [] if re.fullmatch(wanted, text) else [f"{path} is {text!r}, not {wanted}"]
        return found + ([] if LETTERS.fullmatch(text) else [f"{path} has letters that not every bank takes"])
    children, found = list(element), []
    for key, inner in wanted.items():
        tag, is_optional, may_repeat = key.rstrip("?*"), key.endswith("?"), key.endswith("*")
        taken = 0
        while children and children[0].tag == f"{{{sepa.NAMESPACE}}}{tag}" and (may_repeat or not taken):
            found += faults(children.pop(0), inner, path)
            taken += 1
        if not taken and not is_optional:
            found.append(f"{path}/{tag} is missing")
    return found + [f"{path}/{child.tag} is not expected here" for child in children]


def made(**changed: Any) -> ET.Element:
    wanted: Any = {"debtor": DEBTOR, "transfers": TRANSFERS, "execute_on": date(2026, 11, 26)} | changed
    return ET.fromstring(sepa.document("MEGABOX-1-SEPA-20261125", created_at=AT, **wanted))


def texts(root: ET.Element, path: str) -> list[str]:
    steps = "/".join(f"{{{sepa.NAMESPACE}}}{tag}" for tag in path.split("/"))
    return [each.text or "" for each in root.iterfind(f".//{steps}")]


def test_the_file_has_the_structure_of_pain_001_001_09() -> None:
    root = made()

    assert root.tag == f"{{{sepa.NAMESPACE}}}Document"
    assert faults(root, SCHEMA) == []


@pytest.mark.parametrize("break_it", ["PmtMtd", "ChrgBr", "MsgId", "GrpHdr"])
def test_the_check_of_the_structure_notices_what_is_missing(break_it: str) -> None:
    root = made()
    for parent in root.iter():
        for child in list(parent):
            if child.tag.endswith(f"}}{break_it}"):
                parent.remove(child)

    assert any("is missing" in fault for fault in faults(root, SCHEMA))


def test_the_control_sums_are_the_sums() -> None:
    root = made()

    assert texts(root, "NbOfTxs") == ["3", "3"]
    assert texts(root, "CtrlSum") == ["1000060.01", "1000060.01"]
    assert texts(root, "Amt/InstdAmt") == ["60.01", "0.01", "999999.99"]
    assert [each.get("Ccy") for each in root.iter(f"{{{sepa.NAMESPACE}}}InstdAmt")] == ["EUR"] * 3


def test_names_are_written_in_letters_that_every_bank_takes() -> None:
    root = made()

    assert texts(root, "Dbtr/Nm") == ["Megabox Mobel + Sohne GmbH"]
    assert texts(root, "Cdtr/Nm") == ["Nina d'Ete (Studio)", "Lukasz Zolc", "Lukasz Zolc"]
    assert texts(root, "RmtInf/Ustrd")[1:] == ["x" * 140, "umlaut tag + more"]


def test_a_bank_without_a_bic_is_left_out_and_the_debtors_is_said_to_be_not_provided() -> None:
    root = made(debtor=sepa.Account("Megabox", "DE89370400440532013000"))

    assert texts(root, "DbtrAgt/FinInstnId/Othr/Id") == ["NOTPROVIDED"]
    assert texts(root, "CdtrAgt/FinInstnId/BICFI") == ["BNPAFRPP"]
    assert faults(root, SCHEMA) == []


def test_the_same_input_is_the_same_file_byte_for_byte() -> None:
    made_twice = {
        sepa.document("M-1", DEBTOR, TRANSFERS, created_at=AT, execute_on=date(2026, 11, 26)) for _ in range(2)
    }

    assert len(made_twice) == 1
    assert made_twice.pop().startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns=')


@pytest.mark.parametrize("cents", [0, -1])
def test_a_transfer_of_nothing_or_less_is_never_written(cents: int) -> None:
    with pytest.raises(AssertionError):
        made(transfers=[sepa.Transfer("payout-1", NINA, cents, "x")])


# --- what people type


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("nl91 abna 0417 1643 00", "NL91ABNA0417164300"),
        ("GB29-NWBK-6016-1331-9268-19", "GB29NWBK60161331926819"),
        ("NO9386011117947", "NO9386011117947"),
        ("MT84MALT011000012345MTLCAST001S", "MT84MALT011000012345MTLCAST001S"),
        ("BR15 0000 0000 0000 1093 2840 814 P2", "BR1500000000000010932840814P2"),
    ],
)
def test_an_iban_is_read_however_it_is_typed(typed: str, read: str) -> None:
    assert iban.parse(typed) == read


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "begins with two letters"),
        ("3704 0044 0532 0130 00", "begins with two letters"),
        ("DE89 3704 0044 0532 0130 01", "check digits do not fit"),
        ("DE98 3704 0044 0532 0130 00", "check digits do not fit"),
        ("DE89 3704 0044 0523 0130 00", "check digits do not fit"),
        ("DE89 3704 0044 0532 0130", "has 22 characters, this one has 20"),
        ("DE89 3704 0044 0532 0130 000", "has 22 characters, this one has 23"),
        ("US64 SVBK US6S 3300 9586 77", "No country with IBANs has the letters US"),
        ("DE89 3704 0044 0532 0130 Ä0", "begins with two letters"),
        ("=DE89370400440532013000", "begins with two letters"),
    ],
)
def test_a_wrong_iban_gets_a_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(iban.BadIban, match=sentence):
        iban.parse(typed)


def test_every_single_wrong_character_is_noticed() -> None:
    right = "DE89370400440532013000"
    for place in range(2, len(right)):
        for digit in "0123456789":
            if digit != right[place]:
                with pytest.raises(iban.BadIban):
                    iban.parse(right[:place] + digit + right[place + 1 :])


@pytest.mark.parametrize(
    ("bic", "is_one"), [("COBADEFF", True), ("COBADEFFXXX", True), ("COBADEF", False), ("", False)]
)
def test_a_bic_has_eight_or_eleven_characters(bic: str, is_one: bool) -> None:
    assert iban.is_bic(bic) is is_one
