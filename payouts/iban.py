"""IBANs, BICs and the letters that banks take: checked as they are typed, written as they are exchanged.

Sources: ISO 13616 (IBAN registry: length by country, check digits by ISO 7064 mod 97-10), ISO 9362 (BIC), EPC 217-08
(characters of SEPA messages).
"""

import re
import unicodedata

MOST_NAME = 70
"""Characters of a name in a SEPA message."""

_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18
FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20
LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24
SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
_LENGTH_OF = {each[:2]: int(each[2:]) for each in _LENGTHS.split()}
_SEPA = """
AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS SE SI SK
SM VA
"""
SEPA_COUNTRIES = frozenset(_SEPA.split())
_PLAIN = str.maketrans(
    {"ß": "ss", "Æ": "AE", "æ": "ae", "Ø": "O", "ø": "o", "Œ": "OE", "œ": "oe", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d"}
    | {"Þ": "Th", "þ": "th", "ı": "i", "’": "'", "‘": "'", "–": "-", "—": "-", "&": "+"}
)


class BadIban(ValueError):
    """What was typed is no IBAN; the message says what is wrong."""


def parse(typed: str) -> str:
    """An IBAN without spaces and in capitals. Raises BadIban with a sentence."""
    iban = re.sub(r"[\s.-]", "", typed).upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}", iban):
        raise BadIban("An IBAN begins with two letters and two digits, like DE89 3704 0044 0532 0130 00.")
    length = _LENGTH_OF.get(iban[:2])
    if length is None:
        raise BadIban(f"No country with IBANs has the letters {iban[:2]}. Check the first two letters.")
    if len(iban) != length:
        raise BadIban(f"An IBAN of {iban[:2]} has {length} characters, this one has {len(iban)}. Check it.")
    if int("".join(str(int(each, 36)) for each in iban[4:] + iban[:4])) % 97 != 1:
        raise BadIban("The check digits do not fit: a character is wrong or two are swapped. Check it.")
    return iban


def is_bic(bic: str) -> bool:
    """Whether this is written as a BIC is: eight or eleven letters and digits, with a country in the middle."""
    return re.fullmatch(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", bic) is not None


def latin(text: str) -> str:
    """`text` in the letters that every bank of SEPA takes; accents are dropped, what has no such letter is left out."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    kept = re.sub(r"[^A-Za-z0-9/\-?:().,'+ ]", "", decomposed)
    return re.sub(r" +", " ", kept).strip().lstrip("/")
