#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "platform/hub/fetch.hpp"
#include "platform/hub/selection.hpp"

namespace p2p::hub {

/// The source of a model or of one of its folders.
struct Source {
  std::string repository;  ///< owner/name
  std::string revision = "main";
  std::string subfolder;  ///< in the model's folder; empty: that folder itself
  std::string file;       ///< take only this file of the repository; empty: what a model needs
};

/// The download plan for a source: a listing of only the required files, at the current commit of the revision.
struct Plan {
  Source source;
  Listing listing;
  bool is_one_file = false;  ///< the only file may be a checkpoint or a LoRA
  std::uint64_t bytes() const;
};

/// Queries the hub. Throws like Hub, and Error if the repository is not a model.
Plan make_plan(Hub& hub, const Source& source, const Choice& choice, const Watcher& watcher);

/// The record of a pulled folder, .pulled.json. Throws Error that names files that are missing or changed in size.
Listing check_pulled(const std::filesystem::path& folder);

/// Downloads everything into `folder`, resuming existing files and deleting those that are not in the plans, and writes the record for
/// check_pulled. `progress` of the watcher gets the sum over all plans.
void fetch_all(Hub& hub, const std::vector<Plan>& plans, const std::filesystem::path& folder, const Watcher& watcher);

}  // namespace p2p::hub
