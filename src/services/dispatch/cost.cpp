#include "services/dispatch/cost.hpp"

#include <algorithm>
#include <charconv>

namespace p2p::dispatch {
namespace {

constexpr double kCheapest = 0.1;

void learn_steps(double& steps, const std::optional<int>& asked, const std::map<std::string, std::string>& used, const std::string& name) {
  const auto found = used.find(name);
  int number = 0;
  if (asked || found == used.end()) return;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  if (number > 0) steps = number;
}

}  // namespace

double Costs::of(const messages::Request& request) const {
  const auto found = by_model_.find(request.model);
  const Defaults usual = found == by_model_.end() ? Defaults{} : found->second;
  const int pictures = request.picture > 0 ? 1 : request.count;
  double cost = pictures * (1.0 + static_cast<double>(request.variations.size()));  // each variation is drawn from the previous picture
  if (request.width || request.height) {
    const double width = request.width ? *request.width : *request.height;
    const double height = request.height ? *request.height : *request.width;
    cost *= width * height / usual.pixels;
  }
  double steps = request.steps ? *request.steps / usual.steps : 1;
  if (request.decoder_steps) steps = std::max(steps, *request.decoder_steps / usual.decoder_steps);
  cost *= steps;
  if (!request.image_key.empty()) cost *= request.strength.value_or(1);  // the part of the steps that is run
  // Upscaling draws the picture once more, in a third of the steps.
  if (request.upscale) cost *= 1 + *request.upscale * *request.upscale / 3;
  return std::max(cost, kCheapest);
}

void Costs::learn(const messages::Request& request, const messages::Finished& finished) {
  if (finished.images.empty()) return;
  Defaults& usual = by_model_[request.model];
  const messages::StoredImage& image = finished.images.front();
  if (!request.width && !request.height && !request.upscale && request.image_key.empty() && image.width > 0 && image.height > 0)
    usual.pixels = static_cast<double>(image.width) * image.height;
  learn_steps(usual.steps, request.steps, finished.used, "steps");
  learn_steps(usual.decoder_steps, request.decoder_steps, finished.used, "decoder_steps");
}

}  // namespace p2p::dispatch
