"""What was prepared for another queue, brought here. Must not know the terminal UI."""
