"""``adapter demo``: three invented persons' lives with simulated vendors and the adapter as a process of its own."""
