# syntax=docker/dockerfile:1
#
#   docker build -t forkcast .
#   docker run -d --name forkcast --read-only --cap-drop ALL --security-opt no-new-privileges \
#       -p 1935:1935 -p 127.0.0.1:8080:8080 \
#       -v "$PWD/destinations:/destinations:ro" -v forkcast-state:/state forkcast
#
# OBS publishes to rtmp://HOST/live. The stream key is FORKCAST_STREAM_KEY, or destinations/stream.toml, or it is made at the
# first start and kept in /state: `docker exec forkcast cat /state/stream-keys/live` shows it.
# The user below must be able to read destinations/, and nobody else should: chown 65532 its files, and chmod 600.
# The page at http://127.0.0.1:8080/ asks for a token, for inside the container it listens on every address: it is made at the first
# start, and `docker exec forkcast cat /state/http-token` shows it. With destinations/ mounted `:ro`, as above, the page can change no
# file (it is answered 409): leave `:ro` out to add destinations there, and chown 65532 the folder too.
#
# A stop that waits for publishers needs its time before the engine kills: -e FORKCAST_DRAIN=10m --stop-timeout 660
#
# RTMPS from publishers: give a certificate, and publish port 443 of the host wherever forkcast listens:
#
#   -p 443:1936 -e FORKCAST_RTMPS=0.0.0.0:1936 -v /etc/forkcast/tls:/tls:ro \
#   -e FORKCAST_TLS_CERT=/tls/chain.pem -e FORKCAST_TLS_KEY=/tls/key.pem
#
# To listen on 443 itself works as it stands where the engine lets any user (Docker since 20.10); elsewhere, and with
# --network host, add --sysctl net.ipv4.ip_unprivileged_port_start=0 or set that on the host.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin forkcast
# Folders for the volumes, which take over this owner where they are new.
RUN mkdir -p /image/destinations /image/state

FROM debian:bookworm-slim
# The certificate authorities that destinations are verified with.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /source/target/release/forkcast /usr/local/bin/forkcast
COPY --from=build --chown=65532:65532 /image/ /
USER 65532:65532
WORKDIR /
# Inside the container only; `-p` decides who reaches it.
ENV FORKCAST_DESTINATIONS=/destinations \
    FORKCAST_STATE=/state \
    FORKCAST_HTTP=0.0.0.0:8080
VOLUME ["/destinations", "/state"]
EXPOSE 1935 443 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/usr/local/bin/forkcast", "health"]
# SIGTERM, the engine's own way to stop, keeps the broadcasts open for the next container; SIGINT ends them:
# docker kill --signal INT forkcast
ENTRYPOINT ["/usr/local/bin/forkcast"]
