"""The front end of rcq: terminal UI, commands and Python client. It knows the engine by its protocol alone."""
