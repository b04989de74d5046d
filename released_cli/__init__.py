"""The operator's face: one file for each group of commands; parse, call one use case, print."""
