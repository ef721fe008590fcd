"""What makes: search, fit and evaluation of candidates; pure, like ``factory``."""
