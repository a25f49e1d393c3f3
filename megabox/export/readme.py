"""README.txt of an export: what each file is, the rules, and how to verify it, in plain words."""

import textwrap
from collections.abc import Sequence

from megabox.export.table import Cut, Table

_START = """\
THE BOOKS OF MEGABOX

{extent}

How to verify them
------------------
With Python 3.11 or newer, and nothing else installed:

    python3 -I verify_books.py .

The program is a second, independent implementation of the rules below. It hashes every file, computes again what can
be computed from them, prints every check, ends with the control totals, and exits 1 on any finding. Take it from the
source of Megabox (megabox/export/verify_books.py) if you do not want to trust the copy that comes with the data.
manifest.json holds the SHA-256, the size and the number of rows of every file, and control totals for every unit. The
same books give the same files, byte by byte.

How to read them
----------------
CSV in UTF-8 with a byte order mark, commas, double quotes, a header in the first line. Amounts are whole micros:
millionths of their unit, so 9990000 USD micros are $9.99. XCR are credits; 1 credit is 1000 micros of the ads currency
({currency}), and 1 micro of money stands behind 1000 XCR micros. Times are UTC. Yes is 1, no is 0, an empty cell is
not known. Text that begins like a formula, or with an apostrophe, has an apostrophe in front, and so has a formula
behind ; or | or a tab or a new line, where a spreadsheet may split (see MARKED in the program): take them off again.
No buyer's name or address, no e-mail and no bank details are in these files. The statements in the folder statements/
are the PDFs that payees were given, byte by byte; they have the payee's name, as payees.csv has.

The rules
---------
A posting debits one account and credits another by one amount of one unit, so the books cannot be out of balance.
Nothing is ever changed; what was wrong is taken back by a posting that names what it reverses. Guarded accounts never
go below zero, not even for a moment. Pending money of a payee matures on its day, or leaves by naming its earning.
A sale is shared by its policy: the house has price x basis points / 10000, rounded down to the micro, of the price
without tax; the payees have the rest, by their split: rounded down, then a micro each to the largest remainders.
Views of ads are summed by campaign, beneficiary and UTC day; each entry of such a group bills the views that name it.

The digest of an entry is the SHA-256 of this JSON, with sorted names, without spaces, in ASCII:

    ["megabox.ledger/1", kind, occurred_at, why, [line, line, ...]]
    line = [debit, credit, amount_micros, unit, source, facts, matures_on or null, reverses or null]

where facts is the text in postings.csv, and occurred_at is written as in entries.csv.

The files
---------
"""


def text(tables: Sequence[Table], cut: Cut, currency: str) -> str:
    """The whole text."""
    extent = f"Everything up to posting {cut.last_posting}."
    if cut.until:
        extent = (
            f"What occurred until the end of {cut.until.isoformat()} (UTC), up to posting {cut.last_posting}. What the "
            "books learnt before that posting and occurred later is in it too: the beginning of the books keeps every "
            "rule. The tables of the business (orders and so on) show their rows as they are now."
        )
    parts = [_START.format(extent=textwrap.fill(extent, 118), currency=currency)]
    for table in tables:
        columns = "\n".join(f"    {name:<28}{meaning}" for name, meaning in table.columns)
        parts.append(f"{table.file}: {table.about}\n{columns}\n")
    return "\n".join(parts)
