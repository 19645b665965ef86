"""From the curated files to the tables.

files         YAML as written, with line numbers, nothing guessed
entries       the form of each entry, strictly
quantities    the way the files write amounts
dataset       a folder of files, read
checks        what must hold between entries
documents     the held documents: are they the ones, and which passage does each anchor name
receipts      each cited passage read again: does it state what the citation claims
completeness  what the documents say that nobody cites
render        entries to the records that the API serves
rows          entries to rows of the tables
load          all of it in one transaction
"""
