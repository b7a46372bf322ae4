# Debian's own build of BVLC Caffe 1.0.0 (in Debian 11 and 10: Python 3.9, NumPy 1.19) over a choice of BLAS:
# reference, atlas or openblas.
ARG BASE=debian:bullseye-slim
FROM ${BASE} AS install
LABEL ami-harness.stage=install
ARG RELEASE=bullseye
ARG MIRROR=
COPY build /build
RUN sh /build/install.sh \
  libatlas3-base libblas3 liblapack3 libopenblas0-pthread \
  python3 python3-caffe python3-numpy python3-opencv python3-pil

# A copy of the files, without the history: mirror, proxy and certificates stay behind.
FROM scratch AS frameworks
COPY --from=install / /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/tmp

FROM frameworks
ARG BLAS=openblas
RUN set -eu; libraries="$(uname -m)-linux-gnu"; \
  case "$BLAS" in reference) blas=blas lapack=lapack ;; atlas) blas=atlas lapack=atlas ;; \
    openblas) blas=openblas-pthread lapack=openblas-pthread ;; \
    *) echo "BLAS=$BLAS: choose reference, atlas or openblas" >&2; exit 2 ;; esac; \
  update-alternatives --set "libblas.so.3-$libraries" "/usr/lib/$libraries/$blas/libblas.so.3"; \
  update-alternatives --set "liblapack.so.3-$libraries" "/usr/lib/$libraries/$lapack/liblapack.so.3"
