#!/bin/sh
# Starts the mode that SCAIGRID_MODE names; with the word "health" it asks the running one how it is (the image's health check).
set -eu

app=${APP:-/app}
mode=${SCAIGRID_MODE:-}

# The image has no HTTP client, but bash opens TCP connections.
http_is_ready() {
    timeout 4 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$0" &&
        printf "GET /health/ready HTTP/1.0\r\n\r\n" >&3 &&
        read -r _ status _ <&3 && [ "$status" = 200 ]' "$1"
}

# HTTP/2 without TLS: a server that speaks it answers the preface and an empty SETTINGS frame with its own SETTINGS (type 4).
grpc_is_alive() {
    timeout 4 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$0" &&
        printf "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" >&3 &&
        [ "$(head -c 4 <&3 | tail -c 1 | od -An -tu1 | tr -d " ")" = 4 ]' "$1"
}

case $mode in
    migrate) name=Migrator probe=true port= ;;
    http) name=Api probe=http_is_ready port=${SCAIGRID_HTTP_PORT:-8000} ;;
    grpc) name=Grpc probe=grpc_is_alive port=${SCAIGRID_GRPC_PORT:-50051} ;;
    worker) name=Worker probe=http_is_ready port=${SCAIGRID_WORKER_PORT:-8002} ;;
    bunker_proxy) name=BunkerProxy probe=http_is_ready port=${SCAIGRID_BUNKER_PROXY_PORT:-8001} ;;
    *)
        echo "SCAIGRID_MODE must be one of migrate, http, grpc, worker, bunker_proxy; it is '$mode'." >&2
        exit 64
        ;;
esac

if [ "${1:-}" = health ]; then
    $probe "$port" 2>/dev/null || exit 1
    exit 0
fi

# exec: the signals that stop the container must reach the program itself.
exec dotnet "$app/ScaiGrid.$name.dll" "$@"
