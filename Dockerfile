# The daemon and its command in one image, for docker-compose.yml: docker build -t released:local .
# What is installed is what requirements.lock names, by hash; nothing is compiled, and no tool that installs stays in.
FROM python:3.13.15-slim-trixie AS base

FROM base AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/released \
    && pip --python /opt/released install --no-compile --only-binary :all: --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE faqs.example.json ./
COPY released_cli released_cli
# The manual, to which alerts and errors point; the wheel takes it up.
COPY docs docs
COPY daemon daemon
# What the lock holds only to build this project is taken out, and `check` finds out when that was too much; so are an editor
# and maps that come with the page of /docs and that nothing serves.
RUN pip --python /opt/released install --no-compile --no-deps --no-build-isolation . \
    && pip --python /opt/released uninstall --yes hatchling editables pathspec pluggy tomlkit trove-classifiers \
    && pip --python /opt/released check \
    && ln -s /opt/released/lib/python3.*/site-packages/released_cli/_deploy/docs /opt/released/docs \
    && test -s /opt/released/docs/runbook.md \
    && find /opt/released -path '*/swagger_ui/static/*' '(' -name '*.map' -o -name 'swagger-editor*' ')' -delete
# The image is read-only when it runs: what is not compiled now would be at every start anew.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/released/lib

FROM base
LABEL org.opencontainers.image.title="Released" \
    org.opencontainers.image.description="WhatsApp bots for hundreds of local businesses from one machine" \
    org.opencontainers.image.licenses="LicenseRef-Released"
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip \
    && stdlib=$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))') \
    && rm -rf "$stdlib/ensurepip" "$stdlib/idlelib" "$stdlib/tkinter" "$stdlib/turtledemo" "$stdlib/pydoc_data" \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x site-packages "$stdlib" \
    && groupadd --gid 10001 released \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/released --shell /usr/sbin/nologin released \
    && install -d -o released -g released -m 0700 /var/lib/released /var/lib/released/backups
COPY --from=builder /opt/released /opt/released
# PYTHONSAFEPATH: nothing that lies in the data folder may pass for a module of ours.
ENV PATH=/opt/released/bin:$PATH HOME=/var/lib/released LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1
USER 10001:10001
WORKDIR /var/lib/released
VOLUME /var/lib/released
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "daemon.probing"]
# No entrypoint: `docker compose run --rm daemon released …` is then the operator's command.
CMD ["released-daemon"]
