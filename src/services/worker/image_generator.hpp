#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::worker {

/// How far a drawing is.
struct GenerationProgress {
  std::string stage;
  int step = 0;
  int total = 0;
  double fraction = 0;  ///< of the whole, 0 to 1
};
using GenerationProgressFn = std::function<void(const GenerationProgress&)>;

struct EncodedImage {
  std::string png;
  int width = 0;   ///< px
  int height = 0;  ///< px
};

struct GenerationResult {
  EncodedImage picture;
  std::map<std::string, double> seconds;    ///< by stage
  std::map<std::string, std::string> used;  ///< settings as they were used
  std::vector<std::string> notices;
  std::vector<std::string> offers;  ///< words of messages::offer
};

/// The model's safety checker does not let the picture out.
class Withheld : public Error {
 public:
  using Error::Error;
};

/// A model that is loaded. One call at a time.
class ImageGenerator {
 public:
  virtual ~ImageGenerator() = default;

  /// Throws UsageError for what the model cannot do, Cancelled within a step of a stop request, Withheld, Error for what went wrong.
  virtual GenerationResult draw(const messages::Request& request, const GenerationProgressFn& progress, std::stop_token stop) = 0;
};

}  // namespace p2p::worker
