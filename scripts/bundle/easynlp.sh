#!/bin/sh
# easynlp with the Node of this bundle.
here=$(dirname -- "$(readlink -f -- "$0")")/..
if [ ! -x "$here/node/bin/node" ]; then
  echo "error: run install.sh in $(readlink -f -- "$here") first" >&2
  exit 1
fi
exec "$here/node/bin/node" "$here/packages/easynlp/bin/easynlp.js" "$@"
