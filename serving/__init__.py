"""What predicts: batch scoring with the champion; no training code."""
