"""Hunks of patches."""

from __future__ import annotations

from pisama.patches import hunks

HEAD = "--- a/x.py\n+++ b/x.py\n"


def _wholes(text: str) -> list[bool]:
    return [hunk.whole for hunk in hunks(text)]


def test_a_hunk_with_as_many_lines_as_it_says_is_whole() -> None:
    assert _wholes(HEAD + "@@ -1,2 +1,3 @@\n import os\n+import re\n import sys\n") == [True]


def test_a_count_that_is_left_out_is_one() -> None:
    assert _wholes(HEAD + "@@ -1 +1 @@\n-import os\n+import re") == [True]


def test_a_hunk_that_ends_early_is_not_whole() -> None:
    found = list(hunks(HEAD + "@@ -1,6 +1,7 @@\n import os\n+import re\n import sys\n"))
    assert [(hunk.stated, hunk.held) for hunk in found] == [((6, 7), (2, 3))]


def test_a_hunk_that_goes_on_after_its_last_line_is_not_whole() -> None:
    assert _wholes(HEAD + "@@ -1,1 +1,1 @@\n-import os\n+import re\n+import sys\n") == [False]


def test_prose_and_lists_after_a_patch_are_no_part_of_it() -> None:
    patch = HEAD + "@@ -1,1 +1,1 @@\n-import os\n+import re\n"
    assert _wholes(patch + "\n- This replaces the import.\n") == [True]
    assert _wholes(patch + "```\nThe import is replaced.\n") == [True]


def test_lines_of_context_may_have_lost_their_blank() -> None:
    assert _wholes(HEAD + "@@ -1,3 +1,3 @@\n-import os\n+import re\n\n import sys\n") == [True]


def test_each_hunk_is_counted_for_itself() -> None:
    text = (
        HEAD
        + "@@ -1,1 +1,1 @@\n-a\n+b\n@@ -9,4 +9,4 @@\n-c\n+d\n--- a/y.py\n+++ b/y.py\n@@ -1,1 +1,1 @@\n-e\n+f\n"
    )
    assert _wholes(text) == [True, False, True]


def test_a_hunk_that_names_no_file_is_no_patch() -> None:
    assert _wholes("@@ -1,6 +1,7 @@ is a header of a hunk\n") == []
