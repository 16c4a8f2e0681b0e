"""Where work runs: this process, or all cores of the machine. Import names from their modules."""
