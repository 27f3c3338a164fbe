"""The HTTP ports of FE and BE."""
