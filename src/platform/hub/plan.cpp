#include "platform/hub/plan.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include "platform/hub/one_file.hpp"

namespace p2p::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = ".pulled.json";

/// Deletes all links and all files under `folder` except `kept`.
void keep_only(const fs::path& folder, const std::set<fs::path>& kept) {
  std::vector<fs::path> others;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_symlink() || (!entry.is_directory() && !kept.contains(entry.path()))) others.push_back(entry.path());
  }
  for (const fs::path& file : others) fs::remove(file);
}

}  // namespace

std::uint64_t Plan::bytes() const {
  std::uint64_t sum = 0;  // at most 10,000 files of at most 2^50 bytes
  for (const RemoteFile& file : listing.files) sum += file.size;
  return sum;
}

Plan make_plan(Hub& hub, const Source& source, const Choice& choice, const Watcher& watcher) {
  Plan plan{.source = source, .listing = {}};
  with_patience(hub, watcher, [&] { plan.listing = hub.list(source.repository, source.revision); }, [] { return std::uint64_t{0}; });
  if (!source.file.empty()) {
    plan.listing.files = {named_file(plan.listing, source.file)};
    plan.is_one_file = true;
    return plan;
  }
  Json index;
  const auto file = std::ranges::find(plan.listing.files, kModelIndex, &RemoteFile::path);
  if (file != plan.listing.files.end())
    index = parse_json(fetch_text(hub, plan.listing, *file, watcher), source.repository + ": model_index.json");
  Selection selection = select_files(plan.listing, index, choice);
  plan.listing.files = std::move(selection.files);
  plan.is_one_file = selection.is_one_file;
  return plan;
}

Listing check_pulled(const fs::path& folder) {
  const fs::path record = folder / kRecord;
  const Listing listing = read_listing(read_json(record).dump(), record.string());
  for (const RemoteFile& file : listing.files) {
    std::error_code missing;
    const auto size = fs::file_size(folder / file.path, missing);
    if (missing) throw Error((folder / file.path).string() + ": " + missing.message());
    if (size != file.size)
      throw Error((folder / file.path).string() + " has " + std::to_string(size) + " bytes instead of " + std::to_string(file.size));
  }
  return listing;
}

void fetch_all(Hub& hub, const std::vector<Plan>& plans, const fs::path& folder, const Watcher& watcher) {
  std::set<fs::path> kept;
  for (const Plan& plan : plans) {
    for (const RemoteFile& file : plan.listing.files) kept.insert(folder / plan.source.subfolder / file.path);
  }
  keep_only(folder, kept);
  std::uint64_t before = 0;
  for (const Plan& plan : plans) {
    const fs::path target = folder / plan.source.subfolder;
    for (const RemoteFile& file : plan.listing.files) {
      fs::create_directories((target / file.path).parent_path());
      fetch_file(hub, plan.listing, file, target / file.path,
                 {.progress = [&](std::uint64_t bytes) { watcher.progress(before + bytes); },
                  .trouble = watcher.trouble,
                  .waiting = watcher.waiting});
      before += file.size;
    }
    std::ofstream record(target / kRecord);
    if (!(record << write_listing(plan.listing)).flush()) throw Error((target / kRecord).string() + " cannot be written");
  }
}

}  // namespace p2p::hub
