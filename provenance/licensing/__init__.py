"""SPDX expressions and licence classes; the terms catalogue and which version applied on a day. Import names from their modules."""
