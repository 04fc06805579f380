#include "app/pull_file.hpp"
#include "app/model_folders.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "app/pull_catalog.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "platform/hub/staged_folder.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

/// A kind of file, by parts of the names of its tensors.
struct FileKindByTensors {
  std::string_view tensor;
  bool at_start;
  std::string_view folder;  ///< in models_dir
  std::string_view option;  ///< of generate
};

constexpr std::array<FileKindByTensors, 12> kKinds{{{"model.diffusion_model.", true, "", "--model"},
                                                    {"lora_", false, "loras", "--lora"},
                                                    {"lora.", false, "loras", "--lora"},
                                                    {"hada_", false, "loras", "--lora"},
                                                    {"lokr_", false, "loras", "--lora"},
                                                    {"string_to_param", true, "embeddings", "--embedding"},
                                                    {"emb_params", true, "embeddings", "--embedding"},
                                                    {"clip_l", true, "embeddings", "--embedding"},
                                                    {"<", true, "embeddings", "--embedding"},
                                                    {"first_stage_model.", true, "vae", "--vae"},
                                                    {"encoder.", true, "vae", "--vae"},
                                                    {"decoder.", true, "vae", "--vae"}}};

/// The names of the file's tensors. Reads no more than the header.
Json header_of(hub::Hub& hub, const hub::Plan& plan, const hub::Watcher& watcher) {
  constexpr std::uint64_t kFirst = 256 << 10;
  constexpr std::uint64_t kMost = 32 << 20;
  const hub::RemoteFile& file = plan.listing.files.front();
  const auto fail = [&]() -> Json {
    throw Error(plan.listing.repository + ": " + excerpt(file.path) + " does not begin like safetensors; report this to its owner");
  };
  std::string start = hub::fetch_start(hub, plan.listing, file, kFirst, watcher);
  std::uint64_t length = 0;
  if (start.size() < sizeof length) return fail();
  std::memcpy(&length, start.data(), sizeof length);
  if (length > kMost || length > file.size - sizeof length) return fail();
  if (start.size() < sizeof length + length) start = hub::fetch_start(hub, plan.listing, file, sizeof length + length, watcher);
  Json header =
      parse_json(std::string_view(start).substr(sizeof length, length), plan.listing.repository + ": " + file.path, kModelFileLimits);
  return header.is_object() ? header : fail();
}

const FileKindByTensors& kind_of(const Json& header, const hub::Plan& plan) {
  for (const FileKindByTensors& kind : kKinds) {
    for (const auto& [name, tensor] : header.items()) {
      if (kind.at_start ? name.starts_with(kind.tensor) : name.contains(kind.tensor)) return kind;
    }
  }
  throw UsageError(plan.listing.repository + ": " + excerpt(plan.listing.files.front().path) +
                   " is neither a checkpoint of Stable Diffusion, a LoRA, a VAE nor a textual inversion");
}

/// A name for people who type it: that of the file, or of the repository if many have the same one.
std::string name_for(const hub::Plan& plan) {
  const std::string stem = model_name_of(fs::path(plan.listing.files.front().path).stem().string());
  constexpr std::array<std::string_view, 4> kCommon{"pytorch-lora-weights", "model", "diffusion-pytorch-model", "learned-embeds"};
  if (std::ranges::find(kCommon, stem) == kCommon.end() && stem.find_first_not_of('-') != std::string::npos) return stem;
  return model_name_of(plan.listing.repository.substr(plan.listing.repository.find('/') + 1));
}

std::string command_for(const FileKindByTensors& kind, const fs::path& file, const AppConfig& config) {
  const std::string name = file.stem().string();
  if (kind.folder.empty()) return models_dir_prefix(config) + "prompt2pic generate --model " + name + " a fox in the snow";
  return "prompt2pic generate --model MODEL " + std::string(kind.option) + " " + file.string() + " a fox in the snow";
}

}  // namespace

PulledFile pull_file(hub::Hub& hub, const hub::Plan& plan, const std::string& name, const AppConfig& config, PullReport& report) {
  const hub::RemoteFile& remote = plan.listing.files.front();
  const FileKindByTensors& kind = kind_of(header_of(hub, plan, report.watcher()), plan);
  const bool to_loras = kind.folder == "loras" && !config.engine.loras_dir.empty();
  const fs::path folder = to_loras ? config.engine.loras_dir : config.models_dir / kind.folder;
  const std::string stem = name.empty() ? name_for(plan) : name;
  const fs::path file = folder / (stem + ".safetensors");

  PulledFile pulled{.path = file, .use = command_for(kind, file, config)};
  if (fs::exists(fs::symlink_status(file))) {
    if (!fs::is_regular_file(file) || fs::file_size(file) != remote.size)
      throw UsageError(file.string() + " is there already and is another file; delete it, or take another --name");
    return pulled;
  }
  fs::create_directories(folder);
  hub::StagedFolder staged(folder, stem);
  staged.check_space(remote.size);
  report.begin(remote.size);
  hub::fetch_all(hub, {plan}, staged.path(), report.watcher());
  staged.finish_file(remote.path, file.filename().string());
  pulled.fresh = true;
  return pulled;
}

}  // namespace p2p::app
