"""Upbit as its API documents describe it: the won markets of the Korean site."""
