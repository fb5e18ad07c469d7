"""How people meet the arena: the command line and the web page."""
