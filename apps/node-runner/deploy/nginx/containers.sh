#!/bin/sh
# g3.conf for an nginx in a container: it listens outside of it, and the replicas are the hosts g3-0 and g3-1.
set -eu
sed -e 's/listen 127.0.0.1:8080;/listen 8080;/' \
    -e 's/127.0.0.1:8081/g3-0:8080/' \
    -e 's/127.0.0.1:8082/g3-1:8080/' \
    /g3/g3.conf > /etc/nginx/conf.d/default.conf
exec nginx -g 'daemon off;'
