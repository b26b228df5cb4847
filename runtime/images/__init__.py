"""Images: a content-addressed store, the unpacked layers that containers stand on, archives."""
