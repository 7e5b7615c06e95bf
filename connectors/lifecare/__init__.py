"""Lifecare (Welfare API Services / Elderly care): wire models and client."""
