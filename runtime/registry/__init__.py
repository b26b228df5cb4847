"""Registries: who may log in where, and what a registry answers."""
