"""Where data lie: URLs of object stores, what may be said of them, and the one way in which their bytes are read. Import names from its modules."""
