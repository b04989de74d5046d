#!/usr/bin/env bash
# Runs a container image as closed as it will run on a server, until it is well: scripts/try_image.sh IMAGE
# Its settings are made up, it calls nobody, and nothing of it stays.
set -euo pipefail

image=${1:?IMAGE is needed} wait_s=${WAIT_S:-60}
name=released-tried-$$
trap 'docker rm --force --volumes "$name" >/dev/null 2>&1 || true' EXIT

docker run --detach --name "$name" --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    --env META_APP_SECRET=made-up --env META_VERIFY_TOKEN=made-up "$image" >/dev/null
until said=$(docker exec "$name" python -m daemon.probing 2>&1); do
    if ((SECONDS >= wait_s)); then
        printf 'try: %s is not well: %s\n' "$image" "$said" >&2
        docker logs "$name" >&2
        exit 1
    fi
    sleep 0.5
done
printf 'try: %s is well.\n' "$image" >&2
