"""Recovery from a disk that lied, a log that is gone, an older copy: notice, save, go on."""
