"""Bytes in, arrays out: normalise, tokenise, shingle, MinHash kernels, seeds, content digests. Import names from their modules."""
