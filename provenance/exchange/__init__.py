"""Formats that dataset facts come in and go out by. Import names from their modules."""
