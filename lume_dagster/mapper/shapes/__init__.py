"""How values are written: kept beside a draft as shapes, and compared with what arrives later."""
