"""What is known of the call being answered: an instance answers one call."""

language = "fr-FR"
line = ""
