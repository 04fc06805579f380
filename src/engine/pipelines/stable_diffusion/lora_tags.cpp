#include "engine/pipelines/stable_diffusion/lora_tags.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "base/json.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTag = "<lora:";

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// Links are followed: the operator controls the folder.
std::optional<fs::path> find(const fs::path& folder, std::string_view name) {
  const bool plain = !name.empty() && name.front() != '.' && name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
  if (folder.empty() || !plain) return {};
  fs::path file = folder / (std::string(name) + ".safetensors");
  std::error_code unreadable;
  if (!fs::is_regular_file(file, unreadable)) return {};
  return file;
}

}  // namespace

void take_lora_tags(GenerateParams& params, const fs::path& folder, std::vector<Sentence>& notices) {
  const std::string prompt = std::move(params.prompt);
  params.prompt.clear();
  std::size_t done = 0;
  while (true) {
    const std::size_t begin = prompt.find(kTag, done);
    const std::size_t end = begin == prompt.npos ? prompt.npos : prompt.find('>', begin);
    params.prompt.append(prompt, done, end == prompt.npos ? end : begin - done);
    if (end == prompt.npos) return;
    done = end + 1;

    const std::string_view inside = std::string_view(prompt).substr(begin + kTag.size(), end - begin - kTag.size());
    const std::string_view name = inside.substr(0, inside.find(':'));
    const auto weight = name.size() == inside.size() ? 1.0 : number(inside.substr(name.size() + 1));
    const auto file = find(folder, name);
    if (!file) {
      notices.push_back(sentence("no_such_lora", "there is no LoRA called {0}", excerpt(std::string(name))));
    } else if (!weight) {
      notices.push_back(sentence("lora_without_weight", "the LoRA {0} was left out: expected a number as its weight, found {1}",
                                 excerpt(std::string(name)), excerpt(std::string(inside.substr(name.size() + 1)))));
    } else {
      params.loras.push_back({*file, *weight});
    }
  }
}

}  // namespace p2p::engine::stable_diffusion
