#include "services/bot/request_of.hpp"

namespace p2p::bot {

std::string owner_of(std::int64_t user) { return "telegram:" + std::to_string(user); }

messages::Request request_of(const RequestRow& row) {
  messages::Request request{
      .id = row.id, .time = row.accepted, .model = row.model, .prompt = row.prompt, .seed = row.seed, .variations = row.variations};
  if (row.upscale > 0) request.upscale = row.upscale;
  return request;
}

}  // namespace p2p::bot
