"""CGT Atlas: a source-cited database of the cell and gene therapy industry and its REST API."""

__version__ = "0.1.0"
