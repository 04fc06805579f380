// Input: a configuration file. Result: settings within their ranges, or a UsageError that lists all problems.

#include <sys/mman.h>
#include <unistd.h>

#include "base/error.hpp"
#include "config/settings.hpp"
#include "fuzz/check.hpp"

using fuzz::check;
using namespace p2p;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int kFile = memfd_create("settings", 0);
  check(ftruncate(kFile, 0) == 0 && pwrite(kFile, data, size, 0) == static_cast<ssize_t>(size));
  SettingsSources sources;
  sources.file = "/proc/self/fd/" + std::to_string(kFile);
  try {
    const LoadedConfig loaded = load_config(sources);
    check(loaded.values.size() == settings().size());
    const AppConfig& config = loaded.config;
    check(config.link_ttl.count() >= 1 && config.link_ttl.count() <= 604'800);
    check(config.user_in_flight >= 1 && config.user_queue >= 1);
    check(!config.steps || (*config.steps >= 1 && *config.steps <= 1000));
    check(config.telegram.url.empty() || config.telegram.url.starts_with("http"));
    for (std::size_t i = 0; i < settings().size(); ++i)
      check(!settings()[i].secret || loaded.values[i].text.empty() || loaded.values[i].text == "(hidden)");
  } catch (const UsageError& error) {
    check(std::string_view(error.what()).size() > 10);
  }
  return 0;
}
