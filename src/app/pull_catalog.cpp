#include "app/pull_catalog.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "app/table.hpp"
#include "platform/hub/address.hpp"

namespace p2p::app {
namespace {

constexpr const char* kStability = "Stability AI Non-Commercial Research Community License";

/// The named models. Sizes, steps and guidance are the publishers' recommendations.
const std::vector<PullModel>& catalog() {
  static const std::vector<PullModel> kModels{
      {.name = "wuerstchen",
       .title = "Würstchen v2",
       .licence = "MIT",
       .size = 1024,
       .sources = {{.repository = "warp-ai/wuerstchen-prior", .subfolder = "prior"},
                   {.repository = "warp-ai/wuerstchen", .subfolder = "decoder"}}},
      {.name = "sd-1-5",
       .title = "Stable Diffusion 1.5",
       .licence = "CreativeML OpenRAIL-M",
       .size = 512,
       .sources = {{.repository = "stable-diffusion-v1-5/stable-diffusion-v1-5"}}},
      {.name = "lcm-dreamshaper",
       .title = "LCM Dreamshaper v7",
       .licence = "MIT",
       .size = 768,
       .steps = 4,
       .sources = {{.repository = "SimianLuo/LCM_Dreamshaper_v7"}}},
      {.name = "sd-turbo",
       .title = "SD-Turbo",
       .licence = kStability,
       .commercial = false,
       .size = 512,
       .steps = 1,
       .guidance = 0,
       .sources = {{.repository = "stabilityai/sd-turbo"}}},
      {.name = "sdxl-turbo",
       .title = "SDXL-Turbo",
       .licence = kStability,
       .commercial = false,
       .size = 512,
       .steps = 1,
       .guidance = 0,
       .sources = {{.repository = "stabilityai/sdxl-turbo"}}},
      {.name = "taesd",
       .title = "TAESD, a tiny VAE for SD 1.x and 2.x",
       .licence = "MIT",
       .sources = {{.repository = "madebyollin/taesd"}}},
  };
  return kModels;
}

}  // namespace

PullModel find_pull_model(const std::string& wanted, const std::string& hub_url) {
  if (hub::is_address(wanted)) {
    const hub::Address address = hub::parse_address(wanted, hub_url);
    hub::Source source{.repository = address.repository, .file = address.file};
    if (!address.revision.empty()) source.revision = address.revision;
    const std::string title = address.repository.substr(address.repository.find('/') + 1);
    return {.name = model_name_of(title), .title = title, .sources = {source}};
  }
  const auto found = std::ranges::find(catalog(), model_name_of(wanted), &PullModel::name);
  if (found != catalog().end()) return *found;
  std::string names;
  for (const PullModel& model : catalog()) names += (names.empty() ? "" : ", ") + model.name;
  throw UsageError("there is no model '" + wanted + "' to pull; there are " + names +
                   ", and any repository as OWNER/NAME or the address of its page");
}

std::string pull_table() {
  std::vector<std::vector<std::string>> rows;
  for (const PullModel& model : catalog()) {
    std::string repositories;
    for (const hub::Source& source : model.sources) repositories += (repositories.empty() ? "" : " and ") + source.repository;
    rows.push_back({"  " + model.name, repositories, model.licence + (model.commercial ? "" : ": no commercial use")});
  }
  std::ostringstream out;
  print_table(out, rows);
  return out.str();
}

std::string model_name_of(std::string_view text) {
  constexpr std::size_t kMaxName = 64;
  std::string name;
  for (const char c : text.substr(0, kMaxName)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    name += plain ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  return name;
}

bool forbids_commercial_use(std::string_view licence) {
  constexpr std::array<std::string_view, 4> kWords{"-nc-", "-noncommercial-", "-non-commercial-", "-research-"};
  const std::string words = "-" + model_name_of(licence) + "-";
  return std::ranges::any_of(kWords, [&](std::string_view word) { return words.find(word) != words.npos; });
}

}  // namespace p2p::app
