# Sourced by demo, test and the scripts in tools/, from bash: where slow things are kept, and how they are built.

export P2P_BUILD_CACHE=${P2P_BUILD_CACHE:-$HOME/.cache/prompt2pic}
export P2P_JOBS=${P2P_JOBS:-$(nproc)}
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_DIR=${CCACHE_DIR:-$P2P_BUILD_CACHE/ccache}
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1  # the same source in another folder is found again
fi

die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit "${2:-1}"
}

# build PRESET [TARGET...]: configures if that was never done, then builds.
build() {
  local preset=$1
  shift
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" || return
  cmake --build --preset "$preset" -j "$P2P_JOBS" ${1:+--target "$@"}
}
