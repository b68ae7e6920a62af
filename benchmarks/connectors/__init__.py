"""Each connector beside the bare client of its system, and beside pandas."""
