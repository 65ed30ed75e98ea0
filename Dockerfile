# One build for every image: `docker build --target chat .`, or a whole stack with `docker compose build`.
#
# Targets: registry, chat, info, file, client, loadgen, prometheus (as published, with a health check), and
# parlance (all four services in one process; the last stage, so the one that `docker build .` makes).

# ---- build: every binary, once ---------------------------------------------------------------------------
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
ARG REVISION=unknown
# The crates and what was compiled of them stay in the cache mounts, which belong to the builder, not to the
# image: a change of a line here compiles this workspace again and none of its dependencies. Two checkouts
# share one cache and cargo judges by time stamps, so ours are made new: an older file is not an unchanged one.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    find . -name '*.rs' -not -path './target/*' -exec touch {} + \
    && PARLANCE_REVISION="$REVISION" cargo build --locked --release --workspace --bins \
    && mkdir -p /out/data \
    && for name in registry chat info file parlance client loadgen; do cp "target/release/$name" /out/; done \
    && PARLANCE_REVISION="$REVISION" cargo rustc --locked --release -p registry --bin registry -- \
        -C target-feature=+crt-static \
    && cp target/release/registry /out/registry-static

# ---- run: no shell, no package manager, nobody's rights ---------------------------------------------------
FROM gcr.io/distroless/cc-debian12:nonroot AS base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Parlance" \
      org.opencontainers.image.description="Chat, presence, status and a file drop over plain sockets" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
USER 65532:65532

# A named volume that is empty takes over owner and mode of the folder it is mounted on: hence /data here.
FROM base AS data
COPY --from=build --chown=65532:65532 /out/data /data
ENV PARLANCE_DATA=/data
VOLUME ["/data"]

FROM base AS registry
COPY --from=build /out/registry /usr/local/bin/registry
EXPOSE 9000/tcp 9010/tcp
ENTRYPOINT ["/usr/local/bin/registry"]

FROM data AS chat
COPY --from=build /out/chat /usr/local/bin/chat
EXPOSE 9001/tcp 9011/tcp
ENTRYPOINT ["/usr/local/bin/chat"]

FROM base AS info
COPY --from=build /out/info /usr/local/bin/info
EXPOSE 9002/udp 9002/tcp 9012/tcp
ENTRYPOINT ["/usr/local/bin/info"]

FROM data AS file
COPY --from=build /out/file /usr/local/bin/file
EXPOSE 9003/tcp 9013/tcp
ENTRYPOINT ["/usr/local/bin/file"]

FROM base AS client
COPY --from=build /out/client /usr/local/bin/client
ENTRYPOINT ["/usr/local/bin/client"]

FROM base AS loadgen
COPY --from=build /out/loadgen /usr/local/bin/loadgen
ENTRYPOINT ["/usr/local/bin/loadgen"]

# Prometheus promises no tool that could ask it for its health without a shell, and no C library for one of
# ours: a static `registry healthcheck` needs neither.
FROM prom/prometheus:v2.53.3 AS prometheus
COPY --from=build /out/registry-static /usr/local/bin/registry

FROM data AS parlance
COPY --from=build /out/parlance /usr/local/bin/parlance
ENV PARLANCE_BIND=0.0.0.0
EXPOSE 9001/tcp 9002/udp 9002/tcp 9003/tcp
ENTRYPOINT ["/usr/local/bin/parlance"]
