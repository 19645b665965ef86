"""The API for software agents: the same routes as tools of the Model Context Protocol (`/mcp`), and a guide in plain text (`/llms.txt`).

tools.py      which tools there are; their parameters come from the routes
answers.py    a call of a tool: the route's own answer, kept within a budget, with its outcome and how to cite it
endpoint.py   `/mcp` over HTTP
protocol.py   the server that speaks the protocol; it alone imports the package `mcp`, which takes a second
guide.py      `/llms.txt`
"""
