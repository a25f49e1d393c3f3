"""The SEPA file: a customer credit transfer initiation, ISO 20022 pain.001.001.09, as the EPC's rulebook wants it.

Pure: what goes in is all that the file says, so the same input is the same file, byte for byte. One batch in euros,
charges shared (SLEV), names in the letters that every bank takes. Source: EPC132-08, SCT customer-to-PSP guidelines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from xml.etree import ElementTree as ET

from payouts.iban import MOST_NAME, latin

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


@dataclass(frozen=True, slots=True)
class Account:
    """A name, an IBAN and, if known, the bank's BIC."""

    name: str
    iban: str
    bic: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One credit transfer of so many euro cents."""

    end_to_end_id: str
    to: Account
    cents: int
    text: str


def document(
    message_id: str, debtor: Account, transfers: Sequence[Transfer], *, created_at: datetime, execute_on: date
) -> str:
    """The whole file. `created_at` is in UTC."""
    assert transfers, "a file pays somebody"
    root = ET.Element("Document", {"xmlns": NAMESPACE})
    initiation = ET.SubElement(root, "CstmrCdtTrfInitn")
    header = ET.SubElement(initiation, "GrpHdr")
    _text(header, "MsgId", message_id)
    _text(header, "CreDtTm", f"{created_at:%Y-%m-%dT%H:%M:%SZ}")
    _sums(header, transfers)
    _text(ET.SubElement(header, "InitgPty"), "Nm", _name(debtor))
    payment = ET.SubElement(initiation, "PmtInf")
    _text(payment, "PmtInfId", message_id)
    _text(payment, "PmtMtd", "TRF")
    _text(payment, "BtchBookg", "true")
    _sums(payment, transfers)
    _text(_path(payment, "PmtTpInf", "SvcLvl"), "Cd", "SEPA")
    _text(ET.SubElement(payment, "ReqdExctnDt"), "Dt", execute_on.isoformat())
    _text(ET.SubElement(payment, "Dbtr"), "Nm", _name(debtor))
    _text(_path(payment, "DbtrAcct", "Id"), "IBAN", debtor.iban)
    _agent(payment, "DbtrAgt", debtor)
    _text(payment, "ChrgBr", "SLEV")
    for transfer in transfers:
        _transfer(payment, transfer)
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _transfer(payment: ET.Element, transfer: Transfer) -> None:
    assert transfer.cents > 0, f"{transfer.end_to_end_id} pays {transfer.cents} cents"
    one = ET.SubElement(payment, "CdtTrfTxInf")
    _text(ET.SubElement(one, "PmtId"), "EndToEndId", transfer.end_to_end_id)
    amount = ET.SubElement(ET.SubElement(one, "Amt"), "InstdAmt", {"Ccy": "EUR"})
    amount.text = _euros(transfer.cents)
    if transfer.to.bic:
        _agent(one, "CdtrAgt", transfer.to)
    _text(ET.SubElement(one, "Cdtr"), "Nm", _name(transfer.to))
    _text(_path(one, "CdtrAcct", "Id"), "IBAN", transfer.to.iban)
    _text(ET.SubElement(one, "RmtInf"), "Ustrd", latin(transfer.text)[:140])


def _sums(parent: ET.Element, transfers: Sequence[Transfer]) -> None:
    _text(parent, "NbOfTxs", str(len(transfers)))
    _text(parent, "CtrlSum", _euros(sum(transfer.cents for transfer in transfers)))


def _agent(parent: ET.Element, tag: str, account: Account) -> None:
    """A bank by its BIC, or the words that say that none is given."""
    bank = _path(parent, tag, "FinInstnId")
    if account.bic:
        _text(bank, "BICFI", account.bic)
    else:
        _text(ET.SubElement(bank, "Othr"), "Id", "NOTPROVIDED")


def _name(account: Account) -> str:
    return latin(account.name)[:MOST_NAME].strip()


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _path(parent: ET.Element, *tags: str) -> ET.Element:
    for tag in tags:
        parent = ET.SubElement(parent, tag)
    return parent


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text
