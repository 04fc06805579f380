#include "platform/bus/embedded/assignment.hpp"

#include <gmock/gmock.h>

namespace p2p::bus::embedded {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<int> counts(const Owners& owners, const std::string& topic) {
  std::map<std::string, int> by_member;
  for (const auto& [partition, member] : owners) by_member[member] += partition.topic == topic ? 1 : 0;
  std::vector<int> result;
  for (const auto& [member, count] : by_member) result.push_back(count);
  return result;
}

TEST(Assignment, SharesEachTopicEvenly) {
  const auto owners = assign({{"a", {"t", "u"}}, {"b", {"t", "u"}}, {"c", {"t"}}}, {{"t", 8}, {"u", 3}}, {});
  EXPECT_THAT(counts(owners, "t"), UnorderedElementsAre(2, 3, 3));
  EXPECT_THAT(counts(owners, "u"), UnorderedElementsAre(0, 1, 2));
}

TEST(Assignment, MovesNoMoreThanItMust) {
  const auto before = assign({{"a", {"t"}}, {"b", {"t"}}}, {{"t", 8}}, {});
  const auto moved = [&](const Owners& after) {
    int count = 0;
    for (const auto& [partition, member] : after) count += before.at(partition) == member ? 0 : 1;
    return count;
  };
  EXPECT_EQ(moved(assign({{"a", {"t"}}, {"b", {"t"}}}, {{"t", 8}}, before)), 0);
  EXPECT_EQ(moved(assign({{"a", {"t"}}, {"b", {"t"}}, {"c", {"t"}}}, {{"t", 8}}, before)), 2);
  EXPECT_EQ(moved(assign({{"b", {"t"}}}, {{"t", 8}}, before)), 4);
}

TEST(Assignment, SpreadsTopicsOfOnePartition) {
  const auto owners = assign({{"a", {"t", "u"}}, {"b", {"t", "u"}}}, {{"t", 1}, {"u", 1}}, {});
  EXPECT_NE(owners.at({"t", 0}), owners.at({"u", 0}));
}

TEST(Assignment, LeavesOutTopicsWithoutMembers) {
  EXPECT_THAT(assign({}, {{"t", 2}}, {{{"t", 0}, "a"}}), IsEmpty());
  EXPECT_THAT(assign({{"a", {"u"}}}, {{"t", 2}}, {}), IsEmpty());
}

}  // namespace
}  // namespace p2p::bus::embedded
