"""The commands that look after images. Each is `command` in a module of this package."""
