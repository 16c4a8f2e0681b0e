"""Thin adapters for trainers, which fail closed. Import names from their modules."""
