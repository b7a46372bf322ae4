#!/bin/sh
# Install Debian packages, from $MIRROR where it is set and trusting /build/ca.crt where it is there; neither
# is written anywhere outside /build, which goes with the stage that this runs in.
set -eu
options="-o APT::Install-Recommends=false -o Acquire::Retries=3 -o Acquire::Check-Valid-Until=false"
if [ -s /build/ca.crt ]; then
  options="$options -o Acquire::https::CAInfo=/build/ca.crt"
fi
if [ -n "${MIRROR:-}" ]; then
  echo "deb $MIRROR $RELEASE main" >/build/sources.list
  options="$options -o Dir::Etc::SourceList=/build/sources.list -o Dir::Etc::SourceParts=-"
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the options are words
apt-get $options update --quiet
# shellcheck disable=SC2086
apt-get $options install --quiet --yes "$@"
rm -rf /build /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/log/*
