"""The campaign report: one HTML page with charts, tables and definitions, made from schema `marts` alone."""
