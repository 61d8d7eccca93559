"""Tables on disk: CSV, Parquet, NPY and NPZ, read whole or in blocks of rows, written whole or not at all.

And files as blocks of features and targets to fit to, svmlight among them.
"""

from __future__ import annotations

from crossentropy.io._columns import is_numeric, numeric_columns, require_columns
from crossentropy.io._formats import existing_file
from crossentropy.io._read import Blocks, read_blocks, read_table
from crossentropy.io._replacing import replacing
from crossentropy.io._training_blocks import NpyBlocks, ParquetBlocks, SvmlightBlocks
from crossentropy.io._write import write_table

__all__ = [
    "Blocks",
    "NpyBlocks",
    "ParquetBlocks",
    "SvmlightBlocks",
    "existing_file",
    "is_numeric",
    "numeric_columns",
    "read_blocks",
    "read_table",
    "replacing",
    "require_columns",
    "write_table",
]
