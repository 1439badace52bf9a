"""The submit form without its looks: what is asked, texts to a job's fields and back, what is kept of it."""
