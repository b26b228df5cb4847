"""The commands that look after all that is kept. Each is `command` in a module of this package."""
