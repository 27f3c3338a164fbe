"""Repositories, BACKUP and RESTORE.

store         what a repository needs of the place that it lies in
folder        such a place: file://
bucket        such a place: s3://, s3a://
repositories  snapshots in a place, in StarRocks' layout of names
jobs          the record of a job and its step from state to state
backup        rows and catalogue of one instant into a snapshot
restore       objects of a snapshot back into a database
running       jobs begin, run beside the sessions, are cancelled, go on after a start
"""
