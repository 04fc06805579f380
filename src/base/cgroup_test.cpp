#include "base/cgroup.hpp"

#include <gmock/gmock.h>
#include <sched.h>

#include <fstream>
#include <string>

#include "base/testing/temp_folder.hpp"

namespace p2p {
namespace {

using ::testing::Optional;

class Cgroup : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }

  const TempFolder folder_;
  const std::filesystem::path root_ = folder_.path();
};

TEST_F(Cgroup, HasNoLimitsWhereThereIsNone) {
  EXPECT_EQ(memory_limit(root_), std::nullopt);
  EXPECT_EQ(processor_quota(root_), std::nullopt);
  write("proc/self/cgroup", "1:name=systemd:/x\n0::/system.slice/worker.service\nnonsense\n\n");
  write("sys/fs/cgroup/system.slice/worker.service/memory.max", "max\n");
  write("sys/fs/cgroup/system.slice/worker.service/cpu.max", "max 100000\n");
  EXPECT_EQ(memory_limit(root_), std::nullopt);
  EXPECT_EQ(processor_quota(root_), std::nullopt);
}

TEST_F(Cgroup, HasTheLowestLimitOfTheGroupsAboveIt) {
  write("proc/self/cgroup", "0::/user.slice/worker\n");
  write("sys/fs/cgroup/user.slice/worker/memory.max", "8589934592\n");
  write("sys/fs/cgroup/user.slice/worker/cpu.max", "400000 100000\n");
  EXPECT_THAT(memory_limit(root_), Optional(8589934592.0));
  EXPECT_THAT(processor_quota(root_), Optional(4.0));
  write("sys/fs/cgroup/user.slice/memory.max", "1048576\n");
  write("sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n");
  EXPECT_THAT(memory_limit(root_), Optional(1048576.0));
  EXPECT_THAT(processor_quota(root_), Optional(1.5));
}

TEST_F(Cgroup, ReadsTheRootOfAContainer) {
  write("proc/self/cgroup", "0::/docker/4f1\n");  // the path outside of the container, which is missing inside
  write("sys/fs/cgroup/memory.max", "1048576\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_THAT(memory_limit(root_), Optional(1048576.0));
  EXPECT_THAT(processor_quota(root_), Optional(0.5));
}

TEST_F(Cgroup, ReadsVersionOne) {
  write("proc/self/cgroup", "4:memory:/a\n3:cpu,cpuacct:/a\n0::/\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "2097152\n");
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_THAT(memory_limit(root_), Optional(2097152.0));
  EXPECT_EQ(processor_quota(root_), std::nullopt);
  write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n");
  EXPECT_THAT(processor_quota(root_), Optional(2.5));
}

TEST_F(Cgroup, LimitsThreadsWhereTheQuotaIsBelowTheProcessorsOfTheProcess) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  const int processors = CPU_COUNT(&set);
  const auto limit_at = [&](double quota) {
    write("proc/self/cgroup", "0::/\n");
    write("sys/fs/cgroup/cpu.max", std::to_string(static_cast<int>(quota * 100'000)) + " 100000\n");
    return thread_limit(root_);
  };
  EXPECT_EQ(limit_at(processors), std::nullopt);
  EXPECT_EQ(limit_at(processors + 0.5), std::nullopt);
  EXPECT_EQ(limit_at(processors - 0.5), std::nullopt) << "as many threads as processors, with rounding";
  if (processors > 1) EXPECT_THAT(limit_at(0.5), Optional(1));
  if (processors > 2) EXPECT_THAT(limit_at(1.5), Optional(2));
}

}  // namespace
}  // namespace p2p
