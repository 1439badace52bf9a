"""The terminal UI in a browser: a small web server on this machine's own address."""
