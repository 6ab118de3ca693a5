"""What the marts need beside their models, which are dbt's: days to take in, code, columns, the program."""
