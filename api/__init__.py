"""Who asks: command line, web service and page."""
