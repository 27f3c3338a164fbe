"""The programs: one file a job, called by crontab and by hand through `./run`."""
