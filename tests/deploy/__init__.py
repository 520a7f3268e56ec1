"""The files of ``deploy/``, each proven by the server that it is for."""
