# The API and the admin command. `cgt serve` runs by default; `cgt seed` migrates and loads. Needs CGT_DATABASE_URL; writes nothing else.
FROM python:3.12-slim

WORKDIR /srv/cgt
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY app ./app
COPY migrations ./migrations
COPY seeds ./seeds
# A checkout may be readable by its owner alone; in the image everyone reads and nobody writes.
RUN chmod -R a=rX . && pip install --no-cache-dir --constraint constraints.txt --editable '.[parquet]'

# A number, so that an orchestrator can tell that it is not root's.
USER 10001:10001
ENV CGT_HOST=0.0.0.0 CGT_PORT=8000
EXPOSE 8000
# http.client, since urllib would ask the proxy that a container engine may set for every container.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", "\
import os, sys, http.client; \
api = http.client.HTTPConnection('localhost', int(os.environ['CGT_PORT']), timeout=2); \
api.request('GET', '/readyz'); \
sys.exit(api.getresponse().status != 200)"]
CMD ["cgt", "serve"]
