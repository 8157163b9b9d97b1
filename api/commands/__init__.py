"""The subcommands of ``twin``, a module each; heavy libraries load when a command runs."""
