"""Makes models; the only place that knows torch (extra [train])."""
