#include "services/chat/request_of.hpp"

namespace p2p::chat {

std::string owner_of(std::int64_t user) { return "telegram:" + std::to_string(user); }

messages::Request request_of(const ChatRequest& request) {
  const Params& params = request.params;
  messages::Request message{.id = request.id,
                            .time = request.accepted,
                            .model = params.model,
                            .prompt = params.prompt,
                            .seed = params.seed,
                            .variations = params.variations};
  if (params.upscale > 0) message.upscale = params.upscale;
  return message;
}

}  // namespace p2p::chat
