"""What a run is: its status, its three phases, its metrics and what it leaves behind."""
