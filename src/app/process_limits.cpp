#include "app/process_limits.hpp"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace p2p::app {

void set_process_limits() {
  // The limit does not apply to dumps that are piped to a program, such as systemd-coredump; the second call does.
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &no_core);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

void return_freed_memory() {
  constexpr int kOwnPages = 8 << 10;  // bytes; larger allocations, such as prompts, messages and pictures, get their own pages
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, kOwnPages);
}

}  // namespace p2p::app
