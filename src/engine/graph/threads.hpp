#pragma once

#include "base/cgroup.hpp"

namespace p2p::engine {

/// The number of threads to compute with. `wanted` 0: all, within the quota of the process' cgroups. OpenVINO does not look at quotas, and
/// more threads than the quota allows wait for each other while the process is stopped. Returns 0 where no quota limits them: then OpenVINO
/// chooses, for example one thread for each core.
inline int threads_within_quota(int wanted) { return wanted > 0 ? wanted : thread_limit().value_or(0); }

}  // namespace p2p::engine
