#include "platform/hub/fetch.hpp"

#include <algorithm>

#include "base/pause.hpp"
#include "platform/hub/part_file.hpp"

namespace p2p::hub {
namespace {

using std::chrono::seconds;

constexpr int kTries = 5;
constexpr std::chrono::milliseconds kFirstPause(500);
constexpr std::uint64_t kWorthwhile = 1'000'000;  ///< bytes; keeps a hub that sends single bytes from holding us for ever
constexpr std::uint64_t kMaxText = 1'000'000;

constexpr int kWaits = 20;
constexpr seconds kLongestWait(15 * 60);

std::string minutes_text(seconds time) { return std::to_string((time.count() + 59) / 60) + " minutes"; }

void wait(seconds time, const Hub& hub, const Watcher& watcher) {
  for (; time.count() > 0; --time) {
    if (watcher.waiting) watcher.waiting(time);
    if (!pause(seconds(1), hub.stop())) throw Cancelled();
  }
}

std::string wrong_bytes(const Hub& hub, const RemoteFile& file) {
  return hub.url() + " sent other bytes of " + file.path + " than it lists (their hash is not " +
         (file.sha256.empty() ? "the git blob " + file.git_blob : "sha256 " + file.sha256) + ")";
}

}  // namespace

void with_patience(const Hub& hub, const Watcher& watcher, const std::function<void()>& attempt,
                   const std::function<std::uint64_t()>& done) {
  std::uint64_t before = done();
  int failures = 0;
  for (int waits = 0;;) {
    std::optional<seconds> asked;
    try {
      return attempt();
    } catch (const HubUnavailable& error) {
      if (done() >= before + kWorthwhile) {
        before = done();
        failures = waits = 0;
      }
      asked = error.wait();
      if (asked > kLongestWait)
        throw HubUnavailable(std::string(error.what()) + " and asks to wait " + minutes_text(*asked) + "; try again after that");
      if (asked ? ++waits == kWaits : ++failures == kTries) throw;
      watcher.trouble(error.what() + (asked ? " and asks to wait " + std::to_string(asked->count()) + " s" : std::string()));
    }
    if (asked)
      wait(std::max(*asked, seconds(1)), hub, watcher);
    else if (!pause(kFirstPause * (1 << (failures - 1)), hub.stop()))
      throw Cancelled();
  }
}

std::string fetch_text(Hub& hub, const Listing& of, const RemoteFile& file, const Watcher& watcher) {
  if (file.size > kMaxText)
    throw Error(of.repository + ": " + file.path + " has " + std::to_string(file.size) + " bytes; at most 1 MB is read");
  std::string text;
  const auto attempt = [&] {
    text.clear();
    if (file.size > 0) hub.read(of, file, 0, [&](std::uint64_t, std::string_view bytes) { text += bytes; });
    if (text.size() < file.size) throw HubUnavailable(hub.url() + " broke off in " + file.path);
  };
  with_patience(hub, watcher, attempt, [] { return std::uint64_t{0}; });
  Digest digest(file);
  digest.add(text);
  if (digest.finish() != digest.expected()) throw Error(wrong_bytes(hub, file));
  return text;
}

std::string fetch_start(Hub& hub, const Listing& of, const RemoteFile& file, std::uint64_t bytes, const Watcher& watcher) {
  struct Enough {};
  const std::uint64_t wanted = std::min(bytes, file.size);
  std::string start;
  const auto attempt = [&] {
    start.clear();
    try {
      if (wanted > 0)
        hub.read(of, file, 0, [&](std::uint64_t, std::string_view more) {
          start += more;
          if (start.size() >= wanted) throw Enough{};
        });
    } catch (const Enough&) {
    }
    if (start.size() < wanted) throw HubUnavailable(hub.url() + " broke off in " + file.path);
  };
  with_patience(hub, watcher, attempt, [] { return std::uint64_t{0}; });
  start.resize(wanted);
  return start;
}

void fetch_file(Hub& hub, const Listing& of, const RemoteFile& file, const std::filesystem::path& path, const Watcher& watcher) {
  PartFile part(path, file);
  watcher.progress(part.size());
  const auto attempt = [&] {
    if (part.size() == file.size) return;
    hub.read(of, file, part.size(), [&](std::uint64_t at, std::string_view bytes) {
      if (at == 0 && part.size() > 0) part.restart();
      part.append(bytes);
      watcher.progress(part.size());
    });
    if (part.size() < file.size)
      throw HubUnavailable(hub.url() + " broke off after " + std::to_string(part.size()) + " of " + std::to_string(file.size) +
                           " bytes of " + file.path);
  };
  for (bool again = false;; again = true) {
    with_patience(hub, watcher, attempt, [&] { return part.size(); });
    if (part.is_right()) return;
    part.restart();
    if (again) throw Error(wrong_bytes(hub, file) + ", twice; they were deleted");
    watcher.trouble(wrong_bytes(hub, file) + "; deleted them, downloading again");
  }
}

}  // namespace p2p::hub
