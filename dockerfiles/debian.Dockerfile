# Any Debian release with frameworks that Debian itself built, over a choice of BLAS: reference or openblas.
ARG BASE=debian:trixie-slim
FROM ${BASE} AS install
LABEL ami-harness.stage=install
ARG RELEASE=trixie
ARG MIRROR=
ARG PACKAGES=
COPY build /build
RUN sh /build/install.sh libblas3 liblapack3 libopenblas0-pthread python3 python3-numpy python3-pil $PACKAGES

# A copy of the files, without the history: mirror, proxy and certificates stay behind.
FROM scratch AS frameworks
COPY --from=install / /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/tmp

FROM frameworks
ARG BLAS=openblas
RUN set -eu; libraries="$(uname -m)-linux-gnu"; \
  case "$BLAS" in reference) blas=blas lapack=lapack ;; \
    openblas) blas=openblas-pthread lapack=openblas-pthread ;; \
    *) echo "BLAS=$BLAS: choose reference or openblas" >&2; exit 2 ;; esac; \
  update-alternatives --set "libblas.so.3-$libraries" "/usr/lib/$libraries/$blas/libblas.so.3"; \
  update-alternatives --set "liblapack.so.3-$libraries" "/usr/lib/$libraries/$lapack/liblapack.so.3"
