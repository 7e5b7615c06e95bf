# The base is given by digest, and only so: a tag alone names another image tomorrow. For example
#
#   docker build --build-arg BASE=python:3.11-slim-bookworm@sha256:<digest> -t trygghetskamera-adapter:0.1.0 .
ARG BASE

FROM ${BASE} AS build
WORKDIR /src
COPY requirements/build.txt requirements/run.txt requirements/
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/build.txt \
 && python -m venv --without-pip /opt/adapter \
 && /opt/build/bin/pip --python /opt/adapter/bin/python install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY adapter adapter
COPY connectors connectors
COPY mappings mappings
COPY config config
COPY deploy deploy
COPY docs docs
# Compiled here, as nothing can be written there.
RUN /opt/build/bin/python -m hatchling build -t wheel -d dist \
 && /opt/build/bin/pip --python /opt/adapter/bin/python install --no-cache-dir --disable-pip-version-check --no-index --no-deps dist/*.whl \
 && /opt/adapter/bin/python -m compileall -q /opt/adapter/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="trygghetskamera-adapter" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/adapter /opt/adapter
# The numbers need no entry in /etc/passwd, and Kubernetes can see that they are not root.
RUN install -d -m 0700 -o 10001 -g 10001 /var/lib/adapter
ENV PATH=/opt/adapter/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ADAPTER_CONFIG=/etc/adapter/adapter.toml \
    ADAPTER_OPS__ENABLED=true
WORKDIR /var/lib/adapter
USER 10001:10001
VOLUME /var/lib/adapter
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["adapter", "health"]
ENTRYPOINT ["adapter"]
CMD ["run"]
