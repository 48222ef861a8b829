# The gateway's three parts from one build: `docker build --target core|edge|envoy .`, or all of it by docker-compose.yml.
# They differ in their command only, so on disk they are one image. Envoy is the one that the tests ran: it comes with the
# locked dependencies.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/cli2api
# Dependencies first: they change seldom, and their layer is kept while the code changes.
COPY requirements.lock ./
RUN /opt/cli2api/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE envoy.yaml ./
COPY proto ./proto
COPY services ./services
COPY edge ./edge
COPY cli ./cli
COPY simulator ./simulator
RUN /opt/cli2api/bin/pip install --no-deps .

FROM python:3.11-slim-bookworm AS runtime
ENV PATH=/opt/cli2api/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A number that belongs to nobody on the host. Docker gives a new volume the owner of the folder that it is mounted over.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin cli2api \
 && install -d -o cli2api -g cli2api -m 0700 /var/lib/cli2api /run/envoy
COPY --from=build /opt/cli2api /opt/cli2api
USER 10001:10001
STOPSIGNAL SIGTERM

# The gRPC core: the only part with credentials, jobs and a way out to MuleRun.
FROM runtime AS core
ENV CLI2API_CORE_LISTEN=0.0.0.0:50052 CLI2API_STATE_DIR=/var/lib/cli2api
VOLUME /var/lib/cli2api
EXPOSE 50052
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --start-interval=1s \
  CMD ["python", "-m", "cli.probe", "grpc://127.0.0.1:50052"]
CMD ["python", "-m", "services"]

# The edge shim: translates, and keeps nothing.
FROM runtime AS edge
ENV CLI2API_EDGE_LISTEN=0.0.0.0:8081 CLI2API_CORE_TARGET=core:50052
EXPOSE 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --start-interval=1s \
  CMD ["python", "-m", "cli.probe", "http://127.0.0.1:8081/readyz"]
CMD ["python", "-m", "edge"]

# The face. Its files are written anew at every start, from the same settings as everywhere.
FROM runtime AS envoy
EXPOSE 8080 50051
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --start-interval=1s \
  CMD ["python", "-m", "cli.probe", "http://127.0.0.1:8080/healthz"]
CMD ["sh", "-c", "cli2api render-envoy --out /run/envoy --edge edge:8081 --core core:50052 && exec envoy -c /run/envoy/envoy.yaml --disable-hot-restart --drain-time-s 10"]
