"""Upgrades of databases with data: from the early scaffold, and from the last release.

scaffold_addon  writes the scaffold as an addon, from a description of its models
scaffold_data   fills its tables
release_data    fills the tables of a release
dump_release    keeps that as release-VERSION.sql.xz: to be run on each release
schema          what a database looks like, for comparisons
"""
