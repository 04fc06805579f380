#include "engine/pipelines/stable_diffusion/lora_tags.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

namespace fs = std::filesystem;

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

/// What stands between "<lora:" and ">".
struct Tag {
  std::string_view name;
  std::vector<std::string_view> weights;  ///< by position
  std::optional<std::string_view> te, unet;
  bool others = false;  ///< such as lbw=, which are left out
};

Tag read_tag(std::string_view inside) {
  Tag tag;
  bool first = true;
  while (true) {
    const std::size_t colon = inside.find(':');
    const std::string_view item = inside.substr(0, colon);
    const std::size_t equals = first ? item.npos : item.find('=');
    if (first)
      tag.name = item;
    else if (equals == item.npos)
      tag.weights.push_back(item);
    else if (item.substr(0, equals) == "te")
      tag.te = item.substr(equals + 1);
    else if (item.substr(0, equals) == "unet")
      tag.unet = item.substr(equals + 1);
    else
      tag.others = true;
    first = false;
    if (colon == inside.npos) return tag;
    inside.remove_prefix(colon + 1);
  }
}

/// A kind of tag that AUTOMATIC1111's web UI removes from prompts: \w+.
bool is_kind(std::string_view kind) {
  return !kind.empty() && std::ranges::all_of(kind, [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

void take_lora(std::string_view inside, const fs::path& folder, std::vector<Lora>& loras, std::vector<Sentence>& notices) {
  const Tag tag = read_tag(inside);
  const std::string name = excerpt(std::string(tag.name));
  const auto file = find(folder, tag.name);
  if (!file) return notices.push_back(sentence("no_such_lora", "there is no LoRA called {0}", name));
  const std::string_view te = tag.te.value_or(tag.weights.empty() ? std::string_view("1") : tag.weights[0]);
  const std::string_view unet = tag.unet.value_or(tag.weights.size() > 1 ? tag.weights[1] : te);
  for (const std::string_view weight : {te, unet}) {
    if (number(weight)) continue;
    return notices.push_back(sentence("lora_without_weight", "the LoRA {0} was left out: expected a number as its weight, found {1}", name,
                                      excerpt(std::string(weight))));
  }
  if (tag.others || tag.weights.size() > 2) {
    notices.push_back(
        sentence("lora_options", "the LoRA {0}: only its weights were used; block weights and other options were left out", name));
  }
  Lora lora{.file = *file, .weight = *number(unet)};
  if (*number(te) != lora.weight) lora.text_weight = number(te);
  loras.push_back(std::move(lora));
}

}  // namespace

void take_lora_tags(GenerateParams& params, const fs::path& folder, std::vector<Sentence>& notices) {
  const std::string prompt = std::move(params.prompt);
  params.prompt.clear();
  std::size_t done = 0;
  for (std::size_t begin = prompt.find('<'); begin != prompt.npos; begin = prompt.find('<', std::max(begin + 1, done))) {
    const std::size_t colon = prompt.find_first_of(":<>", begin + 1);
    if (colon == prompt.npos || prompt[colon] != ':') continue;
    const std::size_t end = prompt.find('>', colon);
    if (end == prompt.npos) break;
    const std::string_view kind = std::string_view(prompt).substr(begin + 1, colon - begin - 1);
    const std::string_view inside = std::string_view(prompt).substr(colon + 1, end - colon - 1);
    if (!is_kind(kind) || inside.empty()) continue;
    params.prompt.append(prompt, done, begin - done);
    done = end + 1;
    if (kind == "lora" || kind == "lyco")
      take_lora(inside, folder, params.loras, notices);
    else
      notices.push_back(sentence("unknown_tag", "{0} in the prompt was left out: only <lora:NAME:WEIGHT> is known",
                                 excerpt(prompt.substr(begin, done - begin))));
  }
  params.prompt.append(prompt, done);
  if (params.negative_prompt.contains("<lora:") || params.negative_prompt.contains("<lyco:"))
    notices.push_back(sentence("lora_in_negative", "LoRAs are read in the prompt only; those in the negative prompt were read as words"));
}

}  // namespace p2p::engine::stable_diffusion
