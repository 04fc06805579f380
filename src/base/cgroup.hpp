#pragma once

#include <filesystem>
#include <optional>

namespace p2p {

/// The memory limit in bytes of this process' cgroups, the lowest one; nullopt if there is none. `root` holds proc and sys/fs/cgroup.
std::optional<double> memory_limit(const std::filesystem::path& root = "/");

/// The processor time that the cgroups of this process allow, in processors, such as 0.5; nullopt if there is no limit.
std::optional<double> processor_quota(const std::filesystem::path& root = "/");

/// The quota, rounded up, where it is lower than the number of processors on which the process may run.
std::optional<int> thread_limit(const std::filesystem::path& root = "/");

}  // namespace p2p
