#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "platform/hub/fetch.hpp"
#include "platform/hub/selection.hpp"

namespace p2p::hub {

/// What a model, or one of its folders, is made from.
struct Source {
  std::string repository;  ///< owner/name
  std::string revision = "main";
  std::string subfolder;  ///< of the model's folder; empty: that itself
};

/// What is to be fetched for it: a listing of the files that are needed alone, at the commit that the revision is now.
struct Plan {
  Source source;
  Listing listing;
  std::uint64_t bytes() const;
};

/// Asks the hub. Throws as Hub, and Error where the repository is no model.
Plan make_plan(Hub& hub, const Source& source, const Choice& choice, const Watcher& watcher);

/// What a folder says it was made from, in .pulled.json. Throws Error that says what of it is missing or changed, in size.
Listing check_pulled(const std::filesystem::path& folder);

/// Fetches everything into `folder`, taking up what is there and deleting what is not in the plans; leaves the record that check_pulled
/// reads. `progress` of the watcher gets the sum over all plans.
void fetch_all(Hub& hub, const std::vector<Plan>& plans, const std::filesystem::path& folder, const Watcher& watcher);

}  // namespace p2p::hub
