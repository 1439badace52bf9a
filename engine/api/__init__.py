"""The HTTP side of the engine: what strangers send is parsed, validated and answered here."""
