#include <array>
#include <functional>
#include <iostream>

#include "app/command_line.hpp"
#include "app/doctor/checks.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"

namespace p2p::app {
namespace {

using doctor::Finding;

/// By Finding::Kind: the word for people, and the result in JSON.
constexpr std::array<std::pair<const char*, const char*>, 3> kWords{{{"ok", "ok"}, {"not set", "not_set"}, {"FAILED", "failed"}}};

struct Check {
  const char* name;
  std::function<Finding()> run;
};

Finding run(const Check& check) {
  try {
    return check.run();
  } catch (const std::exception& error) {
    return doctor::failed(error.what());
  }
}

}  // namespace

int run_doctor(const Arguments& arguments) {
  CLI::App app("Checks Telegram, Kafka, the storage, the database and the model, and explains how to fix problems.", "prompt2pic doctor");
  app.footer("Ends with 1 if anything that is set up does not work.\n");
  const SettingFlags flags(app);
  bool live = false;
  bool as_json = false;
  std::int64_t chat = 0;
  auto* const live_flag =
      app.add_flag("--live", live, "also check a deployment: updates, topics, clock, CPU, memory, and a picture to a chat");
  app.add_option("--chat", chat, "the chat that gets the picture; the first of P2P_ADMINS by default")->needs(live_flag);
  app.add_flag("--json", as_json, "print a JSON array of {name, result, text}; result: ok, not_set or failed");
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  log::configure(log::Level::error, config.log_format);
  if (chat == 0 && !config.admins.empty()) chat = *config.admins.begin();

  std::string picture;
  std::vector<Check> checks{{"Telegram", [&] { return doctor::check_telegram(config); }},
                            {"Kafka", [&] { return doctor::check_kafka(config); }},
                            {"storage", [&] { return doctor::check_storage(config); }},
                            {"database", [&] { return doctor::check_database(config); }},
                            {"model", [&] { return doctor::check_models(config, live ? &picture : nullptr); }}};
  if (live) {
    checks.push_back({"updates", [&] { return doctor::check_updates(config); }});
    checks.push_back({"topics", [&] { return doctor::check_topics(config); }});
    checks.push_back({"clock", [&] { return doctor::check_clock(config); }});
    checks.push_back({"CPU", doctor::check_cpu});
    checks.push_back({"picture", [&] { return doctor::check_picture(config, chat, picture); }});
    checks.push_back({"memory", doctor::check_memory});
  }
  bool all_well = true;
  Json report = Json::array();
  for (const Check& check : checks) {
    const auto [kind, text] = run(check);
    all_well &= kind != Finding::Kind::failed;
    const auto [word, result] = kWords.at(static_cast<std::size_t>(kind));
    report.push_back({{"name", check.name}, {"result", result}, {"text", printable(text)}});
    if (!as_json) std::cout << check.name << ": " << word << ": " << printable(text) << std::endl;
  }
  if (as_json) std::cout << report.dump(2, ' ', false, Json::error_handler_t::replace) << std::endl;
  return all_well ? 0 : 1;
}

}  // namespace p2p::app
