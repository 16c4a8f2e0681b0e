"""A field of authors names them, or it says that nobody knows."""

from __future__ import annotations

import pytest

from provenance.fingerprint.names import names_all


@pytest.mark.parametrize("text", ["Jane Roe", "Roe, Jane", "Al Gore", "Guest, Edgar A.", "John and Jane Smith", "Нина Иванова", "George Et"])
def test_names_are_names(text: str) -> None:
    assert names_all(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-",
            "—",
            "?",
            "unknown",
            "Unknown",
            "N/A",
            "n/a",
            "NA",
            "anonymous",
            "Anonymous Coward",
            "none",
            "None",
            "null",
            "nan",
            "[deleted]",
            "(unknown)",
        ),
        *(
            "Unknown Author",
            "editorial staff",
            "user 123",
            "12345",
            "not available",
            "various authors",
            "et al.",
            "Jane Roe et al.",
            "Jane Roe and others",
        ),
        *("Jane Roe; unknown", "Jane Roe, anonymous", "unbekannt", "неизвестно", "\uff55nknown", "Jane Roe " * 200),
    ],
)
def test_what_names_nobody_or_leaves_somebody_out_tells_nothing(text: str) -> None:
    assert not names_all(text)
