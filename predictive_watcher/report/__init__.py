"""What a backtest found, for people: a table, and a page with plots."""
