#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace p2p::requests {

/// A request was not accepted. The message gives the reason in English.
class Refused : public Error {
 public:
  enum class Reason {
    queue_full,       ///< too many requests of the owner are waiting
    words_full,       ///< the waiting prompts are too long in total
    day_full,         ///< the owner's daily limit is reached
    model_not_found,  ///< no worker has ever served the model
    key_reused,       ///< the repeat key was used with another body
    unavailable,      ///< Kafka does not answer
    internal,         ///< Kafka refuses the message
  };
  Refused(Reason reason, const std::string& text) : Error(text), reason_(reason) {}
  static Refused unavailable() { return {Reason::unavailable, "the queue does not answer; try again later"}; }
  Reason reason() const { return reason_; }
  /// The machine-readable reason for metrics and the API, such as "queue_full".
  std::string_view code() const {
    constexpr std::array<std::string_view, 7> kCodes{"queue_full",  "queue_full", "day_full", "model_not_found", "idempotency_key_reused",
                                                     "unavailable", "internal"};
    return kCodes.at(static_cast<std::size_t>(reason_));
  }

 private:
  Reason reason_;
};

}  // namespace p2p::requests
