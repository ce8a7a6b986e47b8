"""One module per command, each holding one function of the command's name."""
