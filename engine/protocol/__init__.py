"""What engine and front end share: field names, responses, error codes. Standard library only."""
