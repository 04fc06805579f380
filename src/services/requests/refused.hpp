#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace p2p::requests {

/// A request that is not accepted. The text says why, in English.
class Refused : public Error {
 public:
  enum class Reason {
    queue_full,       ///< too many of the owner's wait
    words_full,       ///< prompts that wait are too long in all
    day_full,         ///< the owner's requests of this day are used up
    model_not_found,  ///< no worker serves the model, or ever did
    key_reused,       ///< the repeat key came before with another body
    unavailable,      ///< Kafka does not answer
    internal,         ///< Kafka does not take the message
  };
  Refused(Reason reason, const std::string& text) : Error(text), reason_(reason) {}
  static Refused unavailable() { return {Reason::unavailable, "the queue does not answer; try again later"}; }
  Reason reason() const { return reason_; }
  /// As programs see it, in metrics and in the API: a word such as "queue_full".
  std::string_view code() const {
    constexpr std::array<std::string_view, 7> kCodes{"queue_full",  "queue_full", "day_full", "model_not_found", "idempotency_key_reused",
                                                     "unavailable", "internal"};
    return kCodes.at(static_cast<std::size_t>(reason_));
  }

 private:
  Reason reason_;
};

}  // namespace p2p::requests
