#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iostream>

#include "app/command_line.hpp"
#include "app/model_folders.hpp"
#include "app/service_process.hpp"
#include "app/table.hpp"
#include "base/printable.hpp"
#include "base/random_id.hpp"
#include "platform/bus/bus_error.hpp"
#include "platform/db/database.hpp"
#include "platform/messages/messages.hpp"
#include "services/chat/store/chat_store.hpp"
#include "services/chat/store/update_inbox.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

struct Finding {
  enum class Kind { ok, unset, failed } kind = Kind::ok;
  std::string text;
};

Finding ok(std::string text) { return {Finding::Kind::ok, std::move(text)}; }
Finding unset(std::string text) { return {Finding::Kind::unset, std::move(text)}; }
Finding failed(std::string text) { return {Finding::Kind::failed, std::move(text)}; }

Finding check_telegram(const AppConfig& config) {
  if (config.telegram.token.empty()) return unset("P2P_TELEGRAM_TOKEN is not set; the bot needs it, API and worker do not");
  const auto me = telegram::bot_api(config.telegram)->get_me();
  if (me) return ok("the bot is @" + me->username);
  if (me.error().kind == telegram::Failure::Kind::unauthorized) {
    return failed("Telegram does not know this token; take the current one from @BotFather into P2P_TELEGRAM_TOKEN");
  }
  return failed(me.error().text + "; where Telegram is not reachable directly, set P2P_TELEGRAM_PROXY or P2P_TELEGRAM_API_URL");
}

Finding check_kafka(const AppConfig& config) {
  if (config.kafka.brokers.empty()) return unset("P2P_KAFKA_BROKERS is not set; bot, API and worker need it");
  const auto bus = bus::kafka_bus(kafka_config(config, "prompt2pic-doctor"));
  const auto brokers = bus->brokers(std::chrono::seconds(8));
  const auto group = bus->describe_group(std::string(messages::kWorkersGroup));
  std::set<std::string_view> models;
  for (const bus::Member& member : group.members) {
    for (const bus::TopicPartition& place : member.partitions) models.insert(messages::model_of(place.topic));
  }
  std::string served;
  for (const std::string_view model : models) served += (served.empty() ? ", which draw with " : ", ") + std::string(model);
  return ok(std::to_string(brokers.size()) + " brokers answer; " + std::to_string(group.members.size()) + " workers" + served);
}

/// A temporary folder in `wanted` or its nearest existing parent, removed with its contents. Checks use it for files that do not exist
/// yet, so that nothing is left behind.
class TrialFolder {
 public:
  /// Throws UsageError that ends with `setting`, the one to change.
  TrialFolder(fs::path wanted, const std::string& setting) {
    wanted = fs::absolute(wanted);
    while (!fs::is_directory(wanted) && wanted.has_relative_path()) wanted = wanted.parent_path();
    path_ = wanted / (".prompt2pic-" + random_hex(8) + ".tmp");
    if (mkdir(path_.c_str(), 0700) != 0)
      throw UsageError("the folder " + wanted.string() + " cannot be written: " + std::strerror(errno) + "; set " + setting);
  }
  ~TrialFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TrialFolder(const TrialFolder&) = delete;
  TrialFolder& operator=(const TrialFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Finding check_storage(AppConfig config) {
  std::optional<TrialFolder> trial;
  if (config.s3.bucket.empty() && !(fs::exists(config.data_dir / "pictures") && fs::exists(config.data_dir / "link-key")))
    config.data_dir = trial.emplace(config.data_dir, "P2P_DATA_DIR").path();
  const auto store = make_store(config);
  const std::string key = "doctor/" + new_id();
  store->put(key, "prompt2pic", "text/plain");
  const bool same = store->get(key) == "prompt2pic";
  const auto link = store->link(key, now() + std::chrono::minutes(1));
  store->remove(key);
  std::error_code others_are_there;  // ignored, like a missing folder
  if (config.s3.bucket.empty()) fs::remove(config.data_dir / "pictures/doctor", others_are_there);
  if (!same) return failed("what was stored came back changed");
  return ok(std::string("an object was stored, read and deleted; ") +
            (link ? "people open links to pictures"
                  : "links would not be reachable from outside, so pictures come as documents too; "
                    "P2P_S3_PUBLIC_ENDPOINT or P2P_PUBLIC_URL changes that"));
}

Finding check_database(const AppConfig& config) {
  const Secret url = database_url(config);
  if (db::is_postgres(url)) {
    chat::check_store(url);
    chat::UpdateInbox(url).oldest(1);
  } else if (const fs::path file = db::file_of(url); !fs::exists(file)) {
    const TrialFolder trial(file.parent_path(), "P2P_DATABASE_URL or P2P_DATA_DIR");
    chat::check_store(Secret("sqlite:///" + (trial.path() / "trial.db").string()));
  } else {
    chat::check_store(url);
  }
  return ok("it can be written");
}

Finding check_models(const AppConfig& config) {
  std::string texts;
  for (const std::string& name : worker_models(config.model)) {
    if (name != kFlatModel) {
      AppConfig one = config;
      one.model = name;
      engine::load_text_to_image(find_model(one), engine_options(config));
    }
    texts += (texts.empty() ? "" : ", ") + name;
  }
  return ok("can be drawn with: " + texts);
}

}  // namespace

int run_doctor(const Arguments& arguments) {
  CLI::App app("Checks Telegram, Kafka, the storage, the database and the model, and explains how to fix problems.", "prompt2pic doctor");
  app.footer("Ends with 1 if anything that is set up does not work.\n");
  const SettingFlags flags(app);
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  log::configure(log::Level::error, config.log_format);

  const std::vector<std::pair<std::string, std::function<Finding(const AppConfig&)>>> checks{{"Telegram", check_telegram},
                                                                                             {"Kafka", check_kafka},
                                                                                             {"storage", check_storage},
                                                                                             {"database", check_database},
                                                                                             {"model", check_models}};
  bool all_well = true;
  for (const auto& [name, check] : checks) {
    Finding finding;
    try {
      finding = check(config);
    } catch (const std::exception& error) {
      finding = failed(error.what());
    }
    const char* word = finding.kind == Finding::Kind::ok ? "ok" : finding.kind == Finding::Kind::unset ? "not set" : "FAILED";
    std::cout << name << ": " << word << ": " << printable(finding.text) << std::endl;
    all_well &= finding.kind != Finding::Kind::failed;
  }
  return all_well ? 0 : 1;
}

}  // namespace p2p::app
