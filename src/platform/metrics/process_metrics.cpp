#include "platform/metrics/process_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>

#include "base/cgroup.hpp"

namespace p2p {
namespace {

namespace fs = std::filesystem;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The rest of the first line that begins with `start`; empty if there is none.
std::string line_after(const fs::path& file, const std::string& start) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(start)) return line.substr(start.size());
  }
  return "";
}

/// The fields of /proc/self/stat from the fourth on, which follow the program's name in parentheses and the state; see proc(5).
std::vector<double> stat_fields(const fs::path& root) {
  const std::string text = text_of(root / "proc/self/stat");
  std::istringstream in(text.substr(text.rfind(')') + 1));
  std::string state;
  in >> state;
  return {std::istream_iterator<double>(in), {}};
}

}  // namespace

ProcessMetrics::ProcessMetrics(fs::path root) : root_(std::move(root)), booted_(line_after(root_ / "proc/stat", "btime ")) {}

std::vector<MetricFamily> ProcessMetrics::Collect() const {
  std::vector<MetricFamily> families;
  const auto add = [&](const char* name, const char* help, double value, MetricType type = MetricType::Gauge) {
    prometheus::ClientMetric metric;
    (type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value;
    families.push_back({name, help, type, {metric}});
  };
  if (const std::vector<double> fields = stat_fields(root_); fields.size() > 20) {
    const auto field = [&](std::size_t number) { return fields[number - 4]; };  // as proc(5) counts them
    const auto tick = static_cast<double>(sysconf(_SC_CLK_TCK));
    add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", (field(14) + field(15)) / tick,
        MetricType::Counter);
    add("process_threads", "Number of OS threads in the process.", field(20));
    add("process_virtual_memory_bytes", "Virtual memory size in bytes.", field(23));
    add("process_resident_memory_bytes", "Resident memory size in bytes.", field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    if (!booted_.empty())
      add("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", std::stod(booted_) + field(22) / tick);
  }
  std::error_code failed;
  const auto open = std::distance(fs::directory_iterator(root_ / "proc/self/fd", failed), {});
  if (!failed) add("process_open_fds", "Number of open file descriptors.", static_cast<double>(open));
  if (rlimit files{}; getrlimit(RLIMIT_NOFILE, &files) == 0)
    add("process_max_fds", "Maximum number of open file descriptors.", static_cast<double>(files.rlim_cur));
  if (const auto limit = memory_limit(root_)) add("prompt2pic_memory_limit_bytes", "Memory limit of the cgroup in bytes.", *limit);
  return families;
}

}  // namespace p2p
