# A Debian release with its Python, and pinned wheels from a wheelhouse whose hashes are checked.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS install
LABEL ami-harness.stage=install
ARG RELEASE=bookworm
ARG MIRROR=
COPY build /build
RUN sh /build/install.sh python3 python3-venv

# A copy of the files, without the history: mirror, proxy and certificates stay behind.
FROM scratch AS python
COPY --from=install / /
ENV LANG=C.UTF-8 HOME=/tmp

FROM python AS wheels
LABEL ami-harness.stage=wheels
COPY wheels /wheels
RUN python3 -m venv /opt/venv \
  && /opt/venv/bin/pip install --no-index --find-links /wheels --require-hashes --no-deps --no-compile \
    --disable-pip-version-check --no-cache-dir --requirement /wheels/requirements.txt
# Every cell starts anew with nowhere to keep bytecode: without it here, importing torch takes 2.7 s longer.
RUN /opt/venv/bin/python -m compileall -qq --invalidation-mode unchecked-hash /opt/venv/lib || true

# The wheels themselves stay behind.
FROM python
COPY --from=wheels /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
