"""The commands of ``ioc``, one module a group; each loads its package when it is called."""
