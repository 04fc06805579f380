#include "engine/checkpoint/lora.hpp"

#include <algorithm>
#include <utility>

#include "base/json.hpp"
#include "engine/checkpoint/lora_alphas.hpp"
#include "engine/checkpoint/lora_family.hpp"
#include "engine/checkpoint/lora_keys.hpp"
#include "engine/checkpoint/lora_layer.hpp"
#include "engine/checkpoint/lora_modules.hpp"

namespace p2p::engine {
namespace {

constexpr std::string_view kBundle = "bundle_emb.";

class LoraReader {
 public:
  LoraReader(const Safetensors& file, const LoraModel& model) : file_(file), alphas_(file) {
    for (const auto& [component, shapes] : model) modules_.emplace(component, LoraModules(component, shapes));
    if (file.tensors.empty()) throw ModelError(file_.path.string() + ": no LoRA: it has no tensors");
    for (const auto& tensor : file.tensors) {
      if (!take_word(tensor) && !take_part(tensor)) result_.unknown.push_back(tensor.first);
    }
    if (layers_.empty() && result_.words.empty()) fail_for_unknown();
  }

  LoraFile read() && {
    try {
      for (const auto& [place, layer] : layers_) {
        for (LayerChange& change : changes_of(layer, alphas_, place.first, file_.file))
          result_.changes.push_back({place.first, std::move(change.tensor), std::move(change.change)});
      }
    } catch (const ModelError& error) {
      const std::string message = error.what(), family = lora_family_of(file_.tensors);
      if (family.empty() || !message.ends_with("another model?")) throw;
      throw ModelError(message + " It seems to be for " + family);
    }
    return std::move(result_);
  }

 private:
  using Tensor = LoraParts::Tensor;

  /// bundle_emb.NAME.KEY, where KEY is that of a file of textual inversion.
  bool take_word(const Tensor& tensor) {
    const std::string& name = tensor.first;
    if (!name.starts_with(kBundle)) return false;
    const std::size_t dot = name.find('.', kBundle.size());
    if (dot == name.npos || dot == kBundle.size()) return false;
    Safetensors& word = result_.words[name.substr(kBundle.size(), dot - kBundle.size())];
    word.path = file_.path;
    word.file = file_.file;
    word.tensors.emplace(name.substr(dot + 1), tensor.second);
    return true;
  }

  /// A weight alone, as in a checkpoint, is no change.
  bool is_ia3(std::string_view name) const { return file_.tensors.contains(std::string(name.substr(0, name.rfind('.'))) + ".on_input"); }

  bool take_part(const Tensor& tensor) {
    const auto key = parse_lora_key(tensor.first);
    if (!key || (key->part == LoraPart::ia3 && !is_ia3(tensor.first))) return false;
    for (const std::string_view component : key->components) {
      const auto modules = modules_.find(component);
      const LoraModules::Layer* const layer = modules == modules_.end() ? nullptr : modules->second.find(key->module);
      if (!layer || !fits(key->part, *layer)) continue;
      layers_.try_emplace({modules->first, layer->weight}, file_.path, *layer).first->second.add(key->part, tensor);
      return true;
    }
    return false;
  }

  [[noreturn]] void fail_for_unknown() const {
    constexpr std::size_t kMost = 3;
    std::string some;
    for (std::size_t i = 0; i < std::min(result_.unknown.size(), kMost); ++i) some += (i > 0 ? ", " : "") + excerpt(result_.unknown[i]);
    const std::string family = lora_family_of(file_.tensors);
    throw ModelError(file_.path.string() + ": is made for another model: it changes no layer that this one has; its " +
                     std::to_string(file_.tensors.size()) + " tensors are such as " + some +
                     (family.empty() ? ". Is it a LoRA? Use it with the model that its publisher names"
                                     : ". It seems to be for " + family + "; use it with such a model, or choose a LoRA for this one"));
  }

  const Safetensors& file_;
  LoraAlphas alphas_;
  std::map<std::string, LoraModules, std::less<>> modules_;  ///< by component
  std::map<std::pair<std::string, const LoraModules::Weight*>, LoraParts> layers_;
  LoraFile result_;
};

}  // namespace

LoraFile read_lora(const Safetensors& file, const LoraModel& model) { return LoraReader(file, model).read(); }

}  // namespace p2p::engine
