"""Zstandard and zip files that use it: in the standard library from Python 3.14, until then its backport."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from zipfile import BadZipFile, ZipFile, ZipInfo

    from compression.zstd import ZstdError, ZstdFile
else:
    from backports.zstd import ZstdError, ZstdFile
    from backports.zstd.zipfile import BadZipFile, ZipFile, ZipInfo

__all__ = ["BadZipFile", "ZipFile", "ZipInfo", "ZstdError", "ZstdFile"]
