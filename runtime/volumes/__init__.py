"""Volumes: directories that outlive the containers which have them."""
