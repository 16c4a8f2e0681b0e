"""Values in, bytes out: documents made from an audit record. Import names from their modules."""
