#!/bin/sh
# Runs a program that knows its secrets only from the environment: of every variable NAME__FILE the
# content of that file becomes NAME, for this program alone, so that no secret stands in compose.yaml or
# in what `docker inspect` shows. with-secrets.sh PROGRAM [ARGUMENT …]
set -eu
for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)__FILE=.*/\1/p'); do
  eval "file=\$${name}__FILE"
  # shellcheck disable=SC2154 # set by eval
  if [ ! -r "$file" ]; then
    echo "with-secrets: ${name}__FILE: $file cannot be read by user $(id -u); see setup.sh init" >&2
    exit 2
  fi
  value=$(cat "$file")
  export "$name=$value"
  unset "${name}__FILE"
done
exec "$@"
