#include "platform/metrics/process_metrics.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <map>

#include "base/clock.hpp"
#include "base/testing/temp_folder.hpp"

namespace p2p {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Ge;
using ::testing::Key;
using ::testing::Le;
using ::testing::Not;

std::map<std::string, double> values_of(const std::vector<prometheus::MetricFamily>& families) {
  std::map<std::string, double> values;
  for (const auto& [name, help, type, metrics] : families) {
    const bool counts = type == prometheus::MetricType::Counter;
    EXPECT_EQ(counts, name.ends_with("_total")) << name;
    EXPECT_EQ(metrics.size(), 1u) << name;
    values[name] = counts ? metrics.front().counter.value : metrics.front().gauge.value;
  }
  return values;
}

class ProcessMetricsTest : public ::testing::Test {
 protected:
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((folder.path() / file).parent_path());
    std::ofstream(folder.path() / file) << text;
  }
  std::map<std::string, double> read() const { return values_of(ProcessMetrics(folder.path()).Collect()); }

  TempFolder folder;
};

TEST_F(ProcessMetricsTest, DescribeThisProcess) {
  const double before = std::chrono::duration<double>(now().time_since_epoch()).count();
  while (std::clock() < CLOCKS_PER_SEC / 20) {
  }  // the kernel counts in ticks
  const auto values = values_of(ProcessMetrics().Collect());
  EXPECT_GT(values.at("process_cpu_seconds_total"), 0);
  EXPECT_GE(values.at("process_threads"), 1);
  EXPECT_GT(values.at("process_virtual_memory_bytes"), values.at("process_resident_memory_bytes"));
  EXPECT_GT(values.at("process_resident_memory_bytes"), 1 << 20);
  EXPECT_THAT(values.at("process_start_time_seconds"), AllOf(Ge(before - 600), Le(before + 2)));
  EXPECT_GE(values.at("process_open_fds"), 3);
  EXPECT_GT(values.at("process_max_fds"), values.at("process_open_fds"));
}

TEST_F(ProcessMetricsTest, CountNewFileDescriptors) {
  const double before = values_of(ProcessMetrics().Collect()).at("process_open_fds");
  const int opened = dup(0);
  EXPECT_EQ(values_of(ProcessMetrics().Collect()).at("process_open_fds"), before + 1);
  close(opened);
}

TEST_F(ProcessMetricsTest, AreReadFromProc) {
  write("proc/stat", "cpu 1 2 3\nbtime 1700000000\nprocesses 5\n");
  write("proc/self/stat", "7 (a) S) b) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 20 0 17 0 1000 2000000 300 18446744073709551615 1 1\n");
  write("proc/self/fd/0", ""), write("proc/self/fd/1", "");
  const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto values = read();
  EXPECT_EQ(values.at("process_cpu_seconds_total"), 300 / tick);
  EXPECT_EQ(values.at("process_threads"), 17);
  EXPECT_EQ(values.at("process_start_time_seconds"), 1700000000 + 1000 / tick);
  EXPECT_EQ(values.at("process_virtual_memory_bytes"), 2000000);
  EXPECT_EQ(values.at("process_resident_memory_bytes"), 300.0 * static_cast<double>(sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(values.at("process_open_fds"), 2);
}

TEST_F(ProcessMetricsTest, KeepTheStartTimeWhenTheClockIsCorrected) {
  write("proc/stat", "btime 1700000000\n");
  write("proc/self/stat", "7 (a) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 20 0 17 0 1000 2000000 300 1\n");
  const ProcessMetrics metrics(folder.path());
  const double before = values_of(metrics.Collect()).at("process_start_time_seconds");
  write("proc/stat", "btime 1700000001\n");
  EXPECT_EQ(values_of(metrics.Collect()).at("process_start_time_seconds"), before);
}

TEST_F(ProcessMetricsTest, LeaveOutWhatCannotBeRead) {
  EXPECT_THAT(read(), ::testing::ElementsAre(Key("process_max_fds")));
  write("proc/self/stat", "7 (a) S 1 2");
  EXPECT_THAT(read(), ::testing::ElementsAre(Key("process_max_fds")));
}

TEST_F(ProcessMetricsTest, HaveTheMemoryLimitOfTheCgroup) {
  write("proc/self/cgroup", "1:name=systemd:/x\n0::/system.slice/worker.service\n");
  write("sys/fs/cgroup/system.slice/worker.service/memory.max", "max\n");
  EXPECT_THAT(read(), Not(Contains(Key("prompt2pic_memory_limit_bytes"))));
  write("sys/fs/cgroup/system.slice/worker.service/memory.max", "8589934592\n");
  EXPECT_EQ(read().at("prompt2pic_memory_limit_bytes"), 8589934592.0);
}

}  // namespace
}  // namespace p2p
