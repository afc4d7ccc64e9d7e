# The image of Powerwall Proxy: a wheel, built in one stage, installed in the next.
# Debian, not Alpine: Tesla's servers refuse token refreshes that come from musl's TLS.

# A release names it by digest, too.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY proxy proxy
COPY web web
# Wheels only, and no pip in the result: nothing is compiled. A Raspberry Pi needs a 64-bit system.
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/powerwall-proxy \
    && pip --python /opt/powerwall-proxy install --no-cache-dir --only-binary :all: "$(echo /wheels/*.whl)[mdns,mqtt,notify,redis]"

FROM ${BASE}
COPY --from=build /opt/powerwall-proxy /opt/powerwall-proxy

# 1000 is the first user of most systems, so that files of a pypowerwall container stay readable.
# `--user` overrides it.
RUN useradd --uid 1000 --no-create-home --home-dir /data powerwall \
    && install --directory --owner=powerwall --group=powerwall --mode=0700 /data

# PW_AUTH_PATH, if set, is the state folder, as for the pypowerwall proxy; else /data/powerwall-proxy.
# "container" is how a program knows that it is in one, in Kubernetes too.
ENV PATH=/opt/powerwall-proxy/bin:$PATH \
    container=oci \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_STATE_HOME=/data

# Relative paths in the settings of a pypowerwall container (.auth) start here.
WORKDIR /app
VOLUME /data
EXPOSE 8675
USER 1000:1000

HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
    CMD ["powerwall-proxy", "health"]
ENTRYPOINT ["powerwall-proxy"]
CMD ["serve"]
