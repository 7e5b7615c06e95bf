"""``adapter demo``: three invented persons' lives with both simulated vendors and the adapter as separate processes."""
