"""Columns of text: rows in, lines for a terminal out."""

from collections.abc import Sequence


def in_columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A line of headings and one for each row, two spaces between columns that are as wide as their widest cell.

    >>> in_columns(["ID", "NAME"], [["key_1", "web shop"]])
    ['ID     NAME', 'key_1  web shop']
    """
    table = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
