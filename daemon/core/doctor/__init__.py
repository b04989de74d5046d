"""Checks everything that must be right for messages to be answered, a finding a check."""
