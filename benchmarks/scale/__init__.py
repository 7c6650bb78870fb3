"""Many machines on one PostgreSQL, measured on one."""
