"""What SQL databases share as targets: names, types, DDL, the ledger, the bound query."""
