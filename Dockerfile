# One build for every image: `docker build --target chat .`, or a whole stack with `docker compose build`.
#
# Targets: registry, chat, info, file, client, loadgen, prometheus (as published, with a health check), and
# parlance (all four services in one process; the last stage, so the one that `docker build .` makes).
#
# For another architecture than the builder's: `docker buildx build --platform linux/arm64 --target chat .`

# ---- build: every binary, once ---------------------------------------------------------------------------
FROM --platform=$BUILDPLATFORM rust:1.95-bookworm AS build
WORKDIR /src
ARG BUILDARCH
ARG TARGETARCH
# Another architecture takes a cross compiler and its standard library, not an emulator.
RUN case "$TARGETARCH" in \
        amd64) echo x86_64-unknown-linux-gnu ;; \
        arm64) echo aarch64-unknown-linux-gnu ;; \
        *) echo "neither amd64 nor arm64: '$TARGETARCH'" >&2; exit 1 ;; \
    esac >/triple \
    && if [ "$TARGETARCH" != "$BUILDARCH" ]; then \
        rustup target add "$(cat /triple)" \
        && apt-get update \
        && apt-get install -y --no-install-recommends "crossbuild-essential-$TARGETARCH"; \
    fi
# Static, so that an image is a binary and nothing else: glibc's own, for its allocator is what was measured.
ENV RUSTFLAGS="-C target-feature=+crt-static" \
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
COPY . .
ARG VERSION=0.1.0
ARG REVISION=unknown
# The crates and what was compiled of them stay in the cache mounts, which belong to the builder, not to the
# image: a change of a line here compiles this workspace again and none of its dependencies. Two checkouts
# share one cache and cargo judges by time stamps, so ours are made new: an older file is not an unchanged one.
RUN --mount=type=cache,id=parlance-crates,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=parlance-target,target=/src/target,sharing=locked \
    find . -name '*.rs' -not -path './target/*' -exec touch {} + \
    && PARLANCE_VERSION="$VERSION" PARLANCE_REVISION="$REVISION" \
        cargo build --locked --release --workspace --bins --target "$(cat /triple)" \
    && mkdir -p /out/bin /out/root/data /out/root/tmp \
    && chown 65532:65532 /out/root/data \
    && chmod 1777 /out/root/tmp \
    && for name in registry chat info file parlance client loadgen; do \
        cp "target/$(cat /triple)/release/$name" /out/bin/; \
    done

# ---- run: a binary and two empty folders, with nobody's rights ---------------------------------------------
FROM scratch AS base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Parlance" \
      org.opencontainers.image.description="Chat, presence, status and a file drop over plain sockets" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# A named volume that is empty takes over owner and mode of the folder it is mounted on: hence /data here.
COPY --from=build /out/root/ /
# A number, for there is no list of users to look a name up in.
USER 65532:65532

FROM base AS data
ENV PARLANCE_DATA=/data
VOLUME ["/data"]

FROM base AS registry
COPY --from=build /out/bin/registry /usr/local/bin/registry
EXPOSE 9000/tcp 9010/tcp
ENTRYPOINT ["/usr/local/bin/registry"]

FROM data AS chat
COPY --from=build /out/bin/chat /usr/local/bin/chat
EXPOSE 9001/tcp 9011/tcp
ENTRYPOINT ["/usr/local/bin/chat"]

FROM base AS info
COPY --from=build /out/bin/info /usr/local/bin/info
EXPOSE 9002/udp 9002/tcp 9012/tcp
ENTRYPOINT ["/usr/local/bin/info"]

FROM data AS file
COPY --from=build /out/bin/file /usr/local/bin/file
EXPOSE 9003/tcp 9013/tcp
ENTRYPOINT ["/usr/local/bin/file"]

FROM base AS client
COPY --from=build /out/bin/client /usr/local/bin/client
ENTRYPOINT ["/usr/local/bin/client"]

FROM base AS loadgen
COPY --from=build /out/bin/loadgen /usr/local/bin/loadgen
ENTRYPOINT ["/usr/local/bin/loadgen"]

# Prometheus promises no tool that could ask it for its health without a shell; `registry healthcheck` needs
# nothing of what else is in its image.
FROM prom/prometheus:v2.53.3 AS prometheus
COPY --from=build /out/bin/registry /usr/local/bin/registry

FROM data AS parlance
COPY --from=build /out/bin/parlance /usr/local/bin/parlance
ENV PARLANCE_BIND=0.0.0.0
EXPOSE 9001/tcp 9002/udp 9002/tcp 9003/tcp
ENTRYPOINT ["/usr/local/bin/parlance"]
