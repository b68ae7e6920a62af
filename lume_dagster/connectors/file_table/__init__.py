"""Tables that are kept as files: what folders of this machine and object stores share."""
