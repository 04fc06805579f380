# Sourced (bash) by demo, test and the scripts in tools/: the build cache and helper functions.

export P2P_BUILD_CACHE=${P2P_BUILD_CACHE:-$HOME/.cache/prompt2pic}

# A compiler takes up to 0.8 GB.
free_gb=$(awk '/^MemAvailable/ {print int($2 / 1000000)}' /proc/meminfo)
jobs=$(nproc)
((free_gb >= jobs)) || jobs=$((free_gb > 1 ? free_gb : 1))
export P2P_JOBS=${P2P_JOBS:-$jobs}

if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_DIR=${CCACHE_DIR:-$P2P_BUILD_CACHE/ccache}
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1  # cache hits for the same source in another folder
  export CCACHE_COMPILERCHECK=${CCACHE_COMPILERCHECK:-content}
fi

# Ctrl-C ends a script even if the program it waits for handles the signal and finishes normally, as apt-get does.
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit "${2:-1}"
}

# build PRESET [TARGET...]: configures if necessary, builds, and shows progress. The tools' output goes to build/PRESET/build.log;
# if the build fails, the relevant part is printed. Builds of one preset wait for each other.
build() {
  local preset=$1 log=build/$1/build.log
  shift
  mkdir -p "build/$preset"
  (
    flock -n 8 || {
      echo "Waiting for another build"
      flock 8
    }
    {
      [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset"
    } >"$log" 2>&1 &&
      NINJA_STATUS='[%f/%t] ' cmake --build --preset "$preset" -j "$P2P_JOBS" ${1:+--target "$@"} 2>&1 | tee -a "$log" | show_progress
  ) 8>"build/$preset/lock" && return
  grep -A 40 -m 1 -E '^(FAILED:|CMake Error)' "$log" >&2 || tail -n 40 "$log" >&2
  echo "The build failed; the full output is in $log" >&2
  return 1
}

# Reads ninja's output. On a terminal it updates one line, elsewhere it prints a line every 10 %.
show_progress() {
  local line finished='' total tenth=0
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\  ]] || continue
    finished=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if [ -t 1 ]; then
      printf '\rbuilding %d/%d\033[K' "$finished" "$total"
    elif ((finished * 10 / total > tenth)); then
      tenth=$((finished * 10 / total))
      printf 'building %d/%d\n' "$finished" "$total"
    fi
  done
  [ ! -t 1 ] || [ -z "$finished" ] || printf '\r\033[K'
}

# logged NAME DESCRIPTION ADVICE COMMAND...: prints the description and runs the command with its output in P2P_BUILD_CACHE/NAME.log. If it fails, prints the
# end of the log and the advice, and exits.
logged() {
  local log=$P2P_BUILD_CACHE/$1.log description=$2 advice=$3
  echo "$description"
  if ! "${@:4}" >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    die "failed: $description
$advice
The full output is in $log"
  fi
}
