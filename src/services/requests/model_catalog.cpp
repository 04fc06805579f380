#include "services/requests/model_catalog.hpp"

#include "base/log.hpp"
#include "platform/bus/follow.hpp"

namespace p2p::requests {

void ModelCatalog::run(const std::stop_token& stop) {
  constexpr std::size_t kMostModels = 1000;  // of forged descriptions
  const bus::TopicSpec topic{std::string(messages::kModelsTopic), 1, std::chrono::days(1)};
  const auto take = [this](const std::vector<bus::Record>& records, const bus::LogReader&) {
    for (const bus::Record& record : records) {
      auto model = messages::decode_model(record.value);
      if (!model) {
        log::warn("a model's description was dropped", {{"offset", record.offset}, {"error", model.error()}});
        continue;
      }
      const std::scoped_lock lock(mutex_);
      const std::string name = model->id;
      if (models_.size() < kMostModels || models_.contains(name)) models_[name] = std::move(*model);
    }
  };
  bus::follow(bus_, topic, {.offsets = {}, .since = now() - std::chrono::days(1)}, take, stop);
}

std::optional<messages::Model> ModelCatalog::find(const std::string& model) const {
  const std::scoped_lock lock(mutex_);
  const auto found = models_.find(model);
  return found == models_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace p2p::requests
