#!/bin/bash
# Tests a bundle as on a machine behind a firewall: unpacked into an empty folder, without a network, without any Node.
#   bash scripts/bundle/test-bundle.sh [bundle-out/easynlp-….tgz]
# Needs unshare with user namespaces (Debian, Ubuntu: util-linux), g++ and a libtorch.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
archive=${1:-$(ls -t "$root"/bundle-out/easynlp-*-linux-x64.tgz | head -1)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
size=$(stat -c %s "$archive")
[ "$size" -le 60000000 ] || { echo "FAIL: $archive has $size bytes, more than 60 MB"; exit 1; }
tar -xzf "$archive" -C "$folder" --strip-components=1

# In namespaces of its own: no network, and an empty file in place of every Node on the PATH.
cat > "$folder/inside.sh" <<'INSIDE'
set -eu
cd "$1"
for name in node npm npx; do
  for at in $(command -v -a "$name" 2>/dev/null || which -a "$name" 2>/dev/null || true); do
    mount --bind /dev/null "$(readlink -f "$at")"
  done
done
if node --version >/dev/null 2>&1; then echo 'FAIL: there is still a Node'; exit 1; fi
if [ -n "$(ls /sys/class/net 2>/dev/null | grep -v '^lo$')" ] && ip route get 1.1.1.1 >/dev/null 2>&1; then
  echo 'FAIL: there is still a network'; exit 1
fi
./install.sh
before=$(date +%s)
./install.sh | grep -q 'up to date' || { echo 'FAIL: a second install.sh built again'; exit 1; }
echo "second install.sh: $(( $(date +%s) - before )) s"
bin/easynlp doctor
ln -s "$1/bin/easynlp" linked
S=packages/easynlp/samples/reviews
./linked train text_classify --train $S/train.tsv --dev $S/dev.tsv --label-name label --first-sequence text \
  --architecture text-cnn --epochs 3 --learning-rate 1e-3 --batch-size 16 --output out/model --quiet
./linked evaluate --model out/model --data $S/dev.tsv --label-name label --first-sequence text
./linked predict --model out/model --input $S/dev.tsv --first-sequence text --output out/predictions.tsv --quiet
lines=$(wc -l < out/predictions.tsv)
[ "$lines" -ge 100 ] || { echo "FAIL: $lines lines of predictions"; exit 1; }
INSIDE
started=$SECONDS
env -i HOME="$folder" PATH="$PATH" LANG=C.UTF-8 OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" \
  ${EASYNLP_PYTHON:+EASYNLP_PYTHON="$EASYNLP_PYTHON"} ${EASYNLP_LIBTORCH:+EASYNLP_LIBTORCH="$EASYNLP_LIBTORCH"} \
  unshare --map-root-user --mount --net bash "$folder/inside.sh" "$folder"
echo "PASS: $(basename "$archive"), $((size / 1000000)) MB, installed and used offline in $((SECONDS - started)) s"
