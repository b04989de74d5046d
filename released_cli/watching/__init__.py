"""What the commands that watch share: times in words, patience, pictures of the fleet."""
