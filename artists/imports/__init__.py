"""Sheets of albums and tracks: whatever somebody's spreadsheet calls them, they become drafts.

`fields` says what a column can be, `cells` reads what stands in one, `plans` makes albums of rows, `matching` finds
those that are there already, `drafts` stores them, and `sheets` keeps it all in rows that workers take turns on.
"""
