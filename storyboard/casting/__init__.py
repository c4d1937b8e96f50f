"""Characters: read, registered, prepared from pictures, trained, shared. `registry` alone imports no torch."""
