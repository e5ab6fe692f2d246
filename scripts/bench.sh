#!/usr/bin/env bash
# Measures renderer, training step and lock on this machine and prints one table.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
Usage: scripts/bench.sh [options]
  --quick          small shapes and short runs: half a minute a part instead of several
  --only PART      one of renderer, scaling, memory, patches, training, lock; may be repeated (default: all)
  --json FILE      write the renderers' rows beside the table; keys and units below
  --details FILE   write everything measured, the other parts too
  --packets FILE   time the renderers also on raw packets: float32 tensor "packets" [B, N, 11] in a
                   .safetensors file, at the shapes with its N; may be repeated
  --model DIR      the same with the packets that this trained model gives for four test pictures;
  --data DIR       ... of Flowers-102 in its official layout
  --plot DIR       write DIR/renderer-scaling.png (installs Debian's gnuplot-nox where it is missing)
  --bin DIR        take the programs from DIR instead of building the release preset
Times are milliseconds a picture, medians of repetitions; ratios are dense / this, both measured in
this run; GFLOP/s count the plain product, 2 * 3H * 2N * W forward and three times that forward +
backward; the share is of a 1024^3 float32 matrix product through LibTorch measured in this run.
JSON: a list of rows with the keys implementation, device, batch, packets, height, width, forward_ms,
forward_backward_ms, forward_ratio, forward_backward_ratio, packet_kind, gflops (forward + backward)
and share_of_peak (0 to 1). "In parts": the dense graph would not fit the memory, so a given gradient
of the field is taken back through 64 packets at a time.
TEXT
}

bin='' json='' details='' plot='' model='' data='' quick=''
only=()
packets=()
while (($# > 0)); do
  case $1 in
    --only | --json | --details | --packets | --model | --data | --plot | --bin)
      (($# > 1)) || usage_error "expected a value after $1, got none"
      ;;&
    --quick) quick=1 ;;
    --only)
      [[ $2 =~ ^(renderer|scaling|memory|patches|training|lock)$ ]] ||
        usage_error "expected renderer, scaling, memory, patches, training or lock after --only, got $2"
      only+=("$2")
      shift
      ;;
    --json) json=$(realpath -m -- "$2") && shift ;;
    --details) details=$(realpath -m -- "$2") && shift ;;
    --packets) packets+=("$(realpath -m -- "$2")") && shift ;;
    --model) model=$(realpath -m -- "$2") && shift ;;
    --data) data=$(realpath -m -- "$2") && shift ;;
    --plot) plot=$(realpath -m -- "$2") && shift ;;
    --bin) bin=$(realpath -m -- "$2") && shift ;;
    -h | --help)
      usage
      exit
      ;;
    *) usage_error "expected an option, got $1" ;;
  esac
  shift
done
((${#only[@]} > 0)) || only=(renderer scaling memory patches training lock)
[[ -n $model && -n $data || -z $model$data ]] || usage_error "expected --model and --data together, got one of them"

wants() {
  [[ " ${only[*]} " == *" $1 "* ]]
}

# run_benchmark PROGRAM FILTER [ARGUMENTS]: its results as JSON in $work. What it says while it runs
# is shown only when it fails.
run_benchmark() {
  local program=$1 filter=$2
  shift 2
  "$bin/$program" --benchmark_filter="$filter" --benchmark_min_time="$seconds" \
    --benchmark_repetitions="$repetitions" --benchmark_enable_random_interleaving=true \
    --benchmark_out="$work/$program.json" --benchmark_out_format=json "$@" \
    >/dev/null 2>"$work/words" || fail "$program failed: $(tail -n 1 "$work/words")"
}

# render_memory's figures, one line each: implementation packets side bytes.
measure_memory() {
  local implementation=$1 most_packets=$2 most_side=$3 packets side
  for ((packets = 128; packets <= most_packets; packets *= 2)); do
    echo "$implementation $packets 128 $("$bin/render_memory" "$implementation" "$packets" 128)"
  done
  for ((side = 64; side <= most_side; side *= 2)); do
    echo "$implementation 512 $side $("$bin/render_memory" "$implementation" 512 "$side")"
  done
}

[[ -z $plot ]] || wants scaling || usage_error "expected --only scaling with --plot, got ${only[*]}"
if [[ -n $plot ]] && ! command -v gnuplot >/dev/null; then
  "$root/scripts/setup.sh" --plots
fi
if [[ -z $bin ]]; then
  configure release >/dev/null
  cmake --build "$root/build/release" --parallel "$(nproc)" --target benchmarks >/dev/null ||
    fail "could not build: run cmake --build build/release --target benchmarks"
  bin=$root/build/release/bin
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seconds=0.5 repetitions=5 table=table/ scaling=by- most=(8192 1024) filter='' steps=''
if [[ -n $quick ]]; then
  seconds=0.02 repetitions=1 most=(1024 256)
  table='table/.*/(256/64/64|512/128/128)/' scaling='by-.*/matrix/'
fi
if [[ -n $model ]]; then
  "$bin/model_packets" "$model" "$data" "$work/packets.safetensors"
  packets+=("$work/packets.safetensors")
fi
if wants renderer; then filter="$table|sgemm"; fi
if wants scaling; then filter="${filter:+$filter|}$scaling"; fi
if [[ -n $filter ]]; then
  run_benchmark renderer_benchmark "$filter" "${packets[@]}"
fi
if wants memory; then
  measure_memory matrix "${most[0]}" "${most[1]}" >"$work/memory.txt"
  measure_memory dense 1024 256 >>"$work/memory.txt"
fi
if wants patches; then
  "$bin/patches_benchmark" ${quick:+--quick} --json "$work/patches.json"
  echo
fi
if wants training; then steps=training; fi
if wants lock; then steps="${steps:+$steps|}lock"; fi
if [[ -n $steps ]]; then
  run_benchmark training_benchmark "$steps"
fi
python3 "$root/scripts/bench_report.py" "$work" ${json:+--json "$json"} \
  ${details:+--details "$details"} ${plot:+--plot "$plot"}
