# The API and the admin command. `cgt serve` runs by default; `cgt seed` migrates and loads.
FROM python:3.12-slim

RUN useradd --system --create-home --uid 10001 cgt
WORKDIR /srv/cgt
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app ./app
COPY migrations ./migrations
COPY seeds ./seeds
RUN pip install --no-cache-dir --constraint constraints.txt --editable .

USER cgt
ENV CGT_HOST=0.0.0.0
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["cgt", "serve"]
