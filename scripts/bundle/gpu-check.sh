#!/bin/bash
# On a machine with a GPU, from a checkout that has bundle-out/: unpacks the bundle, builds against the PyTorch found
# there, and runs the smoke test, the step benches and a short training. Never stops at a failure; under 9 minutes.
#   OUT=folder bash scripts/bundle/gpu-check.sh [part …]       parts: build smoke step train
# Results: $OUT/summary.txt, build.log, smoke.json, smoke.log, train-step-gpu.json, step.log, train.log
set -u
OUT=${OUT:-gpu-out}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${EASYNLP_GPU_CHECK_DIR:-/tmp/easynlp-gpu-check}
parts=" ${*:-build smoke step train} "
started=$SECONDS
wants() { case $parts in *" $1 "*) return 0 ;; *) return 1 ;; esac; }
say() { echo "[$((SECONDS - started)) s] $*" | tee -a "$OUT/summary.txt"; }
part() { # name seconds log command…
  local name=$1 limit=$2 log=$3; shift 3
  local begun=$SECONDS
  timeout -k 10 "$limit" "$@" >>"$log" 2>&1
  local status=$?
  say "$name: exit $status, $((SECONDS - begun)) s"
  [ $status -eq 0 ] || tail -n 40 "$log"
  return $status
}

export PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 OMP_NUM_THREADS=${OMP_NUM_THREADS:-8}
export BENCH_PYTHON=${BENCH_PYTHON:-$(command -v python3)} BENCH_RESULTS=$OUT
{ nvidia-smi -L; g++ --version | head -1; uname -sr
  "$BENCH_PYTHON" -c 'import sys; print(sys.version, sys.executable)'; } >>"$OUT/summary.txt" 2>&1

archive=$(ls -t "$root"/bundle-out/easynlp-*-linux-x64.tgz 2>/dev/null | head -1)
if [ -z "$archive" ]; then say 'no bundle in bundle-out/: run node scripts/bundle/make-bundle.mjs first'; exit 1; fi
if wants build; then
  rm -rf "$target" && mkdir -p "$target"
  part unpack 60 "$OUT/build.log" tar -xzf "$archive" -C "$target" --strip-components=1
  cat "$target/bundle.json" >>"$OUT/build.log"
  if ! part 'install (c++17)' 240 "$OUT/build.log" env EASYNLP_BUILD_JOBS=6 sh "$target/install.sh"; then
    part 'install (c++20)' 200 "$OUT/build.log" env EASYNLP_BUILD_JOBS=6 EASYNLP_CXX_STANDARD=c++20 sh "$target/install.sh"
  fi
  cat "$target/packages/torch/build/build-info.json" >>"$OUT/summary.txt" 2>/dev/null
  part doctor 60 "$OUT/build.log" "$target/bin/easynlp" doctor
fi
node=$target/node/bin/node
# Scripts of the checkout may be newer than the bundle's.
cp -r "$root/bench/." "$target/bench/" 2>/dev/null
if wants smoke; then
  part smoke 120 "$OUT/smoke.log" "$node" "$target/bench/gpu/smoke.mjs" --output "$OUT/smoke.json"
  grep -c ^PASS "$OUT/smoke.log" | sed 's/$/ checks passed/' | tee -a "$OUT/summary.txt"
  grep ^FAIL "$OUT/smoke.log" | tee -a "$OUT/summary.txt"
fi
if wants step; then
  part step 200 "$OUT/step.log" "$node" "$target/bench/gpu/train-step-gpu.mjs" --rounds "${ROUNDS:-2}" ||
    part 'step (own layers, no peer)' 60 "$OUT/step.log" "$node" "$target/bench/gpu/train-step-gpu.mjs" --raw --js-only --rounds 1
  tail -n 12 "$OUT/step.log" | tee -a "$OUT/summary.txt"
fi
if wants train; then
  sample=$target/packages/easynlp/samples/reviews
  for device in cuda cpu; do
    part "train --device $device" 90 "$OUT/train.log" "$target/bin/easynlp" train text_classify \
      --train "$sample/train.tsv" --dev "$sample/dev.tsv" --label-name label --first-sequence text \
      --architecture bert --layers 2 --hidden-size 128 --heads 2 --epochs 5 --learning-rate 5e-4 \
      --sequence-length 128 --batch-size 16 --device $device --output "/tmp/easynlp-gpu-train-$device" --overwrite
  done
  tail -n 15 "$OUT/train.log"
fi
say 'done'
exit 0
