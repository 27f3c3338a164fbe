"""Repositories, BACKUP and RESTORE."""
