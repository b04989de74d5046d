"""Assistants: from a version of the FAQs and a conversation to a checked answer."""
