#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <filesystem>
#include <string>
#include <vector>

namespace p2p {

/// The process_* metrics of Prometheus' client libraries for this process, and prompt2pic_memory_limit_bytes, the memory limit of its
/// cgroups, if there is one. Thread-safe.
class ProcessMetrics : public prometheus::Collectable {
 public:
  /// `root` holds proc and sys/fs/cgroup.
  explicit ProcessMetrics(std::filesystem::path root = "/");

  /// Leaves out what cannot be read.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::filesystem::path root_;
  const std::string booted_;  ///< seconds since the Unix epoch, read once, since the kernel's value follows corrections of the clock
};

}  // namespace p2p
