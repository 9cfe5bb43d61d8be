#!/bin/sh
# Unpacks Node and builds the addon against the PyTorch (or libtorch) of this machine. No network is used.
#   ./install.sh [--python /path/to/python3 | --libtorch /path/to/libtorch] [--force]
# Needs: Linux x64 with glibc 2.28 or later, g++, and PyTorch 1.13 or later with its C++ headers.
set -eu
here=$(cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
force=
while [ $# -gt 0 ]; do
  case $1 in
    --python) [ $# -gt 1 ] || { echo "install.sh: --python needs a path" >&2; exit 2; }
      EASYNLP_PYTHON=$2; export EASYNLP_PYTHON; shift 2 ;;
    --libtorch) [ $# -gt 1 ] || { echo "install.sh: --libtorch needs a folder" >&2; exit 2; }
      EASYNLP_LIBTORCH=$2; export EASYNLP_LIBTORCH; shift 2 ;;
    --force) force=--force; shift ;;
    -h|--help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "install.sh: unknown option $1 (known: --python, --libtorch, --force)" >&2; exit 2 ;;
  esac
done
case "$(uname -s) $(uname -m)" in
  'Linux x86_64') ;;
  *) echo "install.sh: this bundle is for Linux x86_64; this machine is $(uname -s) $(uname -m)" >&2; exit 1 ;;
esac

node="$here/node/bin/node"
if [ ! -x "$node" ]; then
  echo 'unpacking Node'
  mkdir -p "$here/node/bin"
  if command -v xz >/dev/null 2>&1; then
    xz -dc "$here/node/node.xz" > "$node.tmp"
  elif command -v python3 >/dev/null 2>&1; then
    python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' \
      "$here/node/node.xz" "$node.tmp"
  else
    echo 'install.sh: xz or python3 is needed to unpack Node' >&2
    exit 1
  fi
  chmod 755 "$node.tmp"
  mv "$node.tmp" "$node"
fi
if ! "$node" --version >/dev/null; then
  echo "install.sh: Node does not run here (glibc 2.28 or later is needed)" >&2
  exit 1
fi
if ! command -v "$(echo "${CXX:-g++}" | cut -d' ' -f1)" >/dev/null 2>&1; then
  echo 'install.sh: a C++17 compiler is needed (g++ 9 or later; Debian/Ubuntu package g++). CXX names another one.' >&2
  exit 1
fi
"$node" "$here/packages/torch/scripts/build-native.mjs" --plain $force
echo "ready: $here/bin/easynlp doctor"
