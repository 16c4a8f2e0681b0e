"""Statement, DSSE envelope, keys and verification. Works with the standard library alone. Import names from their modules."""
