"""What words mean wherever they stand: units, places, and what people write for a code."""
