// A process that uses the bus is killed at random moments.

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <thread>

#include "base/random_id.hpp"
#include "base/testing/temp_folder.hpp"
#include "platform/bus/embedded/embedded.hpp"

namespace p2p::bus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kRounds = 20;
const TopicPartition kPartition{"t", 0};

/// What the process says it has done. Written to a pipe in one piece.
struct Note {
  enum class Kind : std::int64_t { delivered, committed } kind;
  std::int64_t number;  ///< of the message, or the offset of the last committed record
};

void note(int pipe, Note note) {
  if (write(pipe, &note, sizeof note) != sizeof note) _exit(3);
}

/// Sends messages from number `first` on, and processes them as a member of a group, until it is killed.
[[noreturn]] void work(const std::filesystem::path& file, int pipe, std::int64_t first) {
  const auto bus = embedded_bus(open_embedded_broker(file));
  bus->ensure_topics({{"t", 1}});
  const auto producer = bus->producer();
  const std::jthread consumer([&](const std::stop_token& stop) {
    const auto member = bus->subscribe("g", {"t"}, {});
    while (!stop.stop_requested()) {
      const auto records = member->poll(seconds(1));
      for (const Record& record : records) member->done(record.topic_partition(), record.offset);
      member->commit();
      if (!records.empty()) note(pipe, {Note::Kind::committed, records.back().offset});
    }
  });
  for (std::int64_t number = first;; ++number) {
    producer->send({.topic = "t", .partition = 0, .key = "k", .value = std::to_string(number), .headers = {}},
                   [pipe, number](const Producer::Problem& problem) {
                     if (!problem.empty()) _exit(4);
                     note(pipe, {Note::Kind::delivered, number});
                   });
    if (number % 50 == 0) producer->flush(seconds(20));
  }
}

class EmbeddedDurability : public ::testing::Test {
 protected:
  /// Runs work() and kills it after a random number of notes.
  std::vector<Note> run_and_kill(std::int64_t first) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) work(file_, ends[1], first);
    close(ends[1]);
    std::vector<Note> notes;
    const std::uint64_t enough = 1 + random_bits() % 400;
    bool is_killed = false;
    for (Note next{}; read(ends[0], &next, sizeof next) == sizeof next;) {
      notes.push_back(next);
      if (notes.size() < enough || is_killed) continue;
      kill(child, SIGKILL);
      is_killed = true;
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "status " << status;
    return notes;
  }

  /// Numbers of all messages, in their order.
  std::vector<std::int64_t> stored(Bus& bus) {
    std::vector<std::int64_t> numbers;
    const auto reader = bus.read_log("t", {.offsets = {}, .since = Time{}});
    while (!reader->caught_up()) {
      for (const Record& record : reader->poll(seconds(20))) numbers.push_back(std::stoll(record.value));
    }
    return numbers;
  }

  TempFolder folder_;
  std::filesystem::path file_ = folder_.path() / "bus.db";
};

TEST_F(EmbeddedDurability, NothingIsLostOrDoubledByKill9) {
  std::int64_t next = 0;
  std::int64_t committed = -1;
  std::vector<std::int64_t> delivered;
  for (int round = 0; round < kRounds; ++round) {
    for (const Note& each : run_and_kill(next)) {
      if (each.kind == Note::Kind::delivered) delivered.push_back(each.number);
      if (each.kind == Note::Kind::committed) committed = each.number;
    }
    const auto bus = embedded_bus(open_embedded_broker(file_));
    const auto numbers = stored(*bus);
    EXPECT_TRUE(std::ranges::is_sorted(numbers, std::less_equal<>())) << "the order of sending, each once";
    EXPECT_TRUE(std::ranges::includes(numbers, delivered)) << "all that was reported as delivered";
    EXPECT_LE(bus->backlog("g", "t").records, static_cast<std::int64_t>(numbers.size()) - (committed + 1)) << "offsets are kept";
    next = numbers.empty() ? 0 : numbers.back() + 1;
  }
  EXPECT_GT(delivered.size(), static_cast<std::size_t>(kRounds));
}

}  // namespace
}  // namespace p2p::bus
