"""Frozen values and enums, one module per noun family. Standard library only; import names from their own module."""
