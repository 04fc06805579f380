# The service image: the program, the bundled model, CLIP's tokenizer and the libraries they need; no shell, no package manager.
#   docker build -t prompt2pic .
#   podman build --format docker -t prompt2pic .      (podman's default format has no HEALTHCHECK)
# Runs as nobody, with a read-only root and without capabilities. Only the bot writes, to /data.

# Pins the base of the first stage: BASE_DIGEST=@sha256:..., which `docker image inspect --format '{{index .RepoDigests 0}}' debian:bookworm-slim` shows.
ARG BASE=debian:bookworm-slim
ARG BASE_DIGEST=
FROM ${BASE}${BASE_DIGEST} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /prompt2pic
# Number of processors to build with; default: all.
ARG P2P_JOBS
COPY tools tools
RUN tools/setup build
COPY . .
RUN . tools/env.sh && cmake --preset release -DCMAKE_SKIP_INSTALL_RPATH=ON && \
    build release prompt2pic && tools/image_root /image && install -d -m 700 /owned/data

FROM scratch
ARG BASE
ARG BASE_DIGEST
ARG VERSION=0.1.0
ARG REVISION=unknown
COPY --from=build /image /
COPY --from=build --chown=65534:65534 /owned /
LABEL org.opencontainers.image.title="Prompt2Pic" \
      org.opencontainers.image.description="Pictures from words, drawn on your own processor: a Telegram bot and its workers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}${BASE_DIGEST}"
ENV PATH=/usr/bin P2P_HTTP_LISTEN=0.0.0.0:8080 P2P_HEALTH_LISTEN=0.0.0.0:9080 P2P_DATA_DIR=/data
USER 65534:65534
EXPOSE 8080 9080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["prompt2pic", "health"]
ENTRYPOINT ["prompt2pic"]
CMD ["--help"]
