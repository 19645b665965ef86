"""From the curated files to the tables.

files         YAML as written or JSON Lines, with line numbers, nothing guessed
entries       the form of each entry, strictly
quantities    the way the files write amounts
numbers       of 64 bits, which stand for ids and contents
lines         entries of JSON Lines, read from their file when they are asked for
links         who refers to whom, asked the other way round
dataset       a folder of files, read
checks        what must hold between entries
documents     the held documents: are they the ones, and which passage does each anchor name
receipts      each cited passage read again: does it state what the citation claims
completeness  what the documents say that nobody cites
stamps        what tells whether an entry is as it was, and whether others show it as they did
touched       the entries to be looked at: what changed, and what shows something of it
render        entries to the records that the API serves
rows          records to rows of the tables
batches       entries looked at, rendered and made into rows, in any process
work          batches in several processes
publication   batches written, ended versions, the change log, the release
filling       a new database: first filled, then indexed
flushing      what is written, brought to the disk a little at a time
load          all of it in one transaction
"""
