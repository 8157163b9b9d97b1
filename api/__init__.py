"""Who asks: the web service, its page and the command line."""
