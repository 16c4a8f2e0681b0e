"""Audit the training data of language models before the GPUs start."""

__version__ = "0.1.0"
