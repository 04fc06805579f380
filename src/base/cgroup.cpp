#include "base/cgroup.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace p2p {
namespace {

namespace fs = std::filesystem;

/// The folder of one controller, and this process' group in it.
struct Hierarchy {
  fs::path folder;
  fs::path group;
};

/// The hierarchy of `controller` in version 1, if it is mounted there, else that of version 2. See cgroups(7).
std::optional<Hierarchy> hierarchy_of(const std::string& controller, const fs::path& root) {
  const fs::path mounts = root / "sys/fs/cgroup";
  std::optional<Hierarchy> unified;
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // ID:CONTROLLERS:GROUP
    const std::size_t names = std::min(line.find(':'), line.size() - 1) + 1;
    const std::size_t end = line.find(':', names);
    if (end == std::string::npos) continue;
    const std::string controllers = line.substr(names, end - names);
    const fs::path group = fs::path(line.substr(end + 1)).relative_path();
    if (controllers.empty()) unified = {mounts, group};
    if (("," + controllers + ",").contains("," + controller + ",")) return Hierarchy{mounts / controllers, group};
  }
  return unified;
}

/// The lowest value that `read` finds in the group and in those above it. Inside a container the group's own folder may be missing.
template <class Read>
std::optional<double> lowest(const std::string& controller, const fs::path& root, const Read& read) {
  std::optional<double> lowest;
  const auto hierarchy = hierarchy_of(controller, root);
  if (!hierarchy) return lowest;
  for (fs::path group = hierarchy->group;; group = group.parent_path()) {
    const std::optional<double> value = read(hierarchy->folder / group);
    if (value && (!lowest || *value < *lowest)) lowest = value;
    if (group.empty()) return lowest;
  }
}

/// The numbers at the start of the file; none for the word "max".
std::vector<double> numbers_in(const fs::path& file) {
  std::ifstream in(file);
  return {std::istream_iterator<double>(in), {}};
}

std::optional<double> memory_of(const fs::path& group) {
  constexpr double kUnlimited = 0x1p62;  // version 1 has no word for it
  for (const char* name : {"memory.max", "memory.limit_in_bytes"}) {
    if (const auto bytes = numbers_in(group / name); !bytes.empty() && bytes[0] < kUnlimited) return bytes[0];
  }
  return std::nullopt;
}

std::optional<double> processors_of(const fs::path& group) {
  std::vector<double> numbers = numbers_in(group / "cpu.max");  // the time and its period
  if (numbers.empty()) {
    for (const char* name : {"cpu.cfs_quota_us", "cpu.cfs_period_us"}) {
      const auto number = numbers_in(group / name);
      numbers.insert(numbers.end(), number.begin(), number.end());
    }
  }
  if (numbers.size() != 2 || numbers[0] <= 0 || numbers[1] <= 0) return std::nullopt;
  return numbers[0] / numbers[1];
}

int processors_of_this_process() {
  for (int most = 1024; most <= 1 << 20; most *= 2) {
    std::vector<cpu_set_t> set(CPU_ALLOC_SIZE(static_cast<std::size_t>(most)) / sizeof(cpu_set_t));
    const std::size_t bytes = set.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, set.data()) == 0) return std::max(CPU_COUNT_S(bytes, set.data()), 1);
  }
  return 1;
}

}  // namespace

std::optional<double> memory_limit(const fs::path& root) { return lowest("memory", root, memory_of); }

std::optional<double> processor_quota(const fs::path& root) { return lowest("cpu", root, processors_of); }

std::optional<int> thread_limit(const fs::path& root) {
  const auto quota = processor_quota(root);
  return quota && std::ceil(*quota) < processors_of_this_process() ? std::optional(static_cast<int>(std::ceil(*quota))) : std::nullopt;
}

}  // namespace p2p
