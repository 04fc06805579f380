#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "app/doctor/checks.hpp"
#include "app/service_process.hpp"
#include "base/random_id.hpp"
#include "platform/db/database.hpp"
#include "services/chat/store/chat_store.hpp"
#include "services/chat/store/update_inbox.hpp"

namespace p2p::app::doctor {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

bool is_store_made(const AppConfig& config) {
  return !config.s3.bucket.empty() || (fs::exists(config.data_dir / "pictures") && fs::exists(config.data_dir / "link-key"));
}

void remove_check_folder(const AppConfig& config) {
  std::error_code others_are_there;  // ignored, like a missing folder
  if (config.s3.bucket.empty()) fs::remove(config.data_dir / "pictures/doctor", others_are_there);
}

Finding check_storage(AppConfig config) {
  std::optional<TrialFolder> trial;
  if (!is_store_made(config)) config.data_dir = trial.emplace(config.data_dir, "P2P_DATA_DIR").path();
  const auto store = make_store(config);
  const std::string key = "doctor/" + new_id();
  store->put(key, "prompt2pic", "text/plain");
  const bool same = store->get(key) == "prompt2pic";
  const auto link = store->link(key, now() + std::chrono::minutes(1));
  store->remove(key);
  remove_check_folder(config);
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

}  // namespace p2p::app::doctor
