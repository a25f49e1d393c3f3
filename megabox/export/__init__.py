"""The books as a folder that an auditor can open: tables as CSV, a manifest, and a program that verifies them.

`tables` and `business` say what is in it, `folder` writes it, `verify_books` is the second, independent opinion.
"""
