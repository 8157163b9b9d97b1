"""The subcommands of ``twin``, one module each; heavy libraries are imported when a command runs."""
