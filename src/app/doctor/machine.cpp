#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <ctime>
#include <fstream>
#include <stop_token>
#include <thread>

#include "app/doctor/checks.hpp"
#include "app/table.hpp"
#include "app/worker_models.hpp"
#include "base/cgroup.hpp"
#include "base/clock.hpp"
#include "platform/http/client.hpp"

namespace p2p::app::doctor {
namespace {

/// The time in the Date header of the server's answer, whatever it is. Throws HttpError, or Error without that header.
Time time_of(const std::string& url, const Secret& proxy) {
  http::Client client({.proxy = proxy});
  const std::string date(client.send({.method = "HEAD", .url = Secret(url), .timeout = std::chrono::seconds(10)}).header("date"));
  std::tm fields{};
  if (strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &fields) == nullptr) throw Error(url + " sends no time");
  return Time(std::chrono::seconds(timegm(&fields)));
}

}  // namespace

Finding check_models(const AppConfig& config, std::string* picture) {
  const auto models = load_models(config);
  std::string texts;
  for (const auto& each : models) texts += (texts.empty() ? "" : ", ") + each.first;
  texts = "can be drawn with: " + texts;
  if (picture == nullptr) return ok(texts);
  const auto& [name, model] = *models.begin();
  const auto start = std::chrono::steady_clock::now();
  const messages::Request request{.id = "doctor", .time = now(), .model = name, .prompt = "a fox in the snow", .seed = 1};
  *picture = model->draw(request, "", [](const auto&) {}, std::stop_token()).picture.bytes;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return ok(texts + "; a picture with " + name + " took " + decimal(took.count(), 1) + " s");
}

Finding check_clock(const AppConfig& config) {
  constexpr std::chrono::seconds kMost{30};
  const bool asks_telegram = !config.telegram.token.empty();
  const std::string url = asks_telegram ? config.telegram.url : config.s3.endpoint;
  if (url.empty()) return unset("neither Telegram nor a storage server is set up, whose time this machine's could be compared with");
  const Time before = now();
  const Time there = time_of(url, asks_telegram ? config.telegram.proxy : Secret());
  const auto ahead = std::chrono::duration_cast<std::chrono::seconds>(before + (now() - before) / 2 - there);
  const std::string text = "this machine's clock is " + std::to_string(std::abs(ahead.count())) +
                           (ahead.count() >= 0 ? " s ahead of" : " s behind") + " the clock of " + url;
  if (std::chrono::abs(ahead) > kMost)
    return failed(text + "; the storage refuses requests and links end too early or late: synchronize it (chrony, systemd-timesyncd)");
  return ok(text);
}

Finding check_cpu() {
  std::ifstream in("/proc/cpuinfo");
  std::string flags;
  for (std::string line; std::getline(in, line) && flags.empty();) {
    if (line.starts_with("flags")) flags = line + " ";
  }
  std::string found;
  for (const char* const name : {"avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8"}) {
    if (flags.contains(" " + std::string(name) + " ")) found += (found.empty() ? "" : ", ") + std::string(name);
  }
  const auto quota = processor_quota();
  const std::string cores =
      std::to_string(std::thread::hardware_concurrency()) + " threads" + (quota ? ", a quota of " + decimal(*quota) + " processors" : "");
  if (!flags.empty() && !flags.contains(" avx2 "))
    return failed(cores + " without AVX2: drawing takes several times as long; choose another kind of machine for workers");
  return ok(found.empty() ? cores : cores + " with " + found);
}

Finding check_memory() {
  constexpr double kMost = 0.85;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double used = static_cast<double>(usage.ru_maxrss) * 1024;
  const double machine = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  const double limit = std::min(memory_limit().value_or(machine), machine);
  const std::string text = "drawing took " + bytes_text(used) + " of " + bytes_text(limit);
  if (used > kMost * limit) return failed(text + "; raise the limit, or choose a smaller model or P2P_PRECISION=bf16");
  return ok(text);
}

}  // namespace p2p::app::doctor
